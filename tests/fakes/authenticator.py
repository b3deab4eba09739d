"""A passkey device in software: makes real ES256 keys and answers as a browser does, or wrongly when told to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from core.passkeys.models import Assertion, Attestation

USER_PRESENT, USER_VERIFIED = 0x01, 0x04
BACKUP_ELIGIBLE, BACKED_UP = 0x08, 0x10
ATTESTED = 0x40


def to_base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One device with one passkey; ``origin`` and ``rp_id`` are those of the page it believes to see."""

    origin: str = "http://localhost:8501"
    rp_id: str | None = None  # that of the options, unless told
    verifies_user: bool = True
    is_backed_up: bool = False
    counts: bool = True
    framed: bool = False
    sign_count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user_handle: bytes | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> Attestation:
        """Make a passkey for ``navigator.credentials.create``."""
        self.user_handle = from_base64url(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)
        data = self._authenticator_data(self.rp_id or options["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"])
        return Attestation(self.credential_id, client_data, attestation, ("internal", "hybrid"))

    def get(self, options: dict[str, Any]) -> Assertion:
        """Use the passkey for ``navigator.credentials.get``."""
        if self.counts:
            self.sign_count += 1
        data = self._authenticator_data(self.rp_id or options["rpId"])
        client_data = self._client_data("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return Assertion(self.credential_id, client_data, data, signature, self.user_handle)

    def copy(self) -> Authenticator:
        """Return a copy as a thief would have it: the same key and the same counter."""
        return replace(self)

    def _authenticator_data(self, rp_id: str, more: int = 0) -> bytes:
        flags = USER_PRESENT | more
        flags |= USER_VERIFIED if self.verifies_user else 0
        flags |= BACKUP_ELIGIBLE | BACKED_UP if self.is_backed_up else 0
        count = self.sign_count if self.counts else 0
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": self.framed}
        return json.dumps(told).encode()


def attestation_json(answer: Attestation) -> dict[str, Any]:
    """Return what our page posts after making a passkey."""
    return {
        "id": to_base64url(answer.credential_id),
        "clientDataJSON": to_base64url(answer.client_data),
        "attestationObject": to_base64url(answer.attestation_object),
        "transports": list(answer.transports),
    }


def assertion_json(answer: Assertion) -> dict[str, Any]:
    """Return what our page posts after using a passkey."""
    return {
        "id": to_base64url(answer.credential_id),
        "clientDataJSON": to_base64url(answer.client_data),
        "authenticatorData": to_base64url(answer.authenticator_data),
        "signature": to_base64url(answer.signature),
        "userHandle": to_base64url(answer.user_handle) if answer.user_handle is not None else None,
    }
