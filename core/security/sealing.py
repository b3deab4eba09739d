"""Secrets at rest: AES-256-GCM, bound to the row they belong to, under a ring of master keys.

A sealed value is ``1 ‖ key id (2 bytes) ‖ nonce (12 bytes) ‖ ciphertext and tag``. The context (installation,
table, row, field, owner, version) is authenticated, so a value moved to another row does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from core.errors import MasterKeyWrong, SecretUnreadable
from core.security.redact import register_secret

FORMAT = 1
KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True)
class KeyRing:
    """The master keys by id; the first seals, all open. Never printed."""

    masters: Mapping[int, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read ``2:<base64 of 32 bytes>,1:…``, newest first.

        Raises:
            MasterKeyWrong: it has another form.
        """
        masters: dict[int, bytes] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            number, _, encoded = entry.partition(":")
            try:
                key_id, key = int(number), base64.b64decode(encoded, validate=True)
            except (ValueError, binascii.Error):
                key_id, key = 0, b""
            if not 0 < key_id < 65536 or len(key) != KEY_BYTES or key_id in masters:
                raise MasterKeyWrong(
                    "ZOARK_MASTER_KEYS is wrong: write 1:<base64 of 32 bytes>, several separated by commas."
                )
            masters[key_id] = key
        if not masters:
            raise MasterKeyWrong("ZOARK_MASTER_KEYS is missing: set it to 1:<base64 of 32 random bytes>.")
        return cls(masters)

    @classmethod
    def generate(cls) -> KeyRing:
        """Make a ring with one new random key."""
        return cls({1: os.urandom(KEY_BYTES)})

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: caches and session stores would keep the keys."""
        raise TypeError("a key ring is never pickled")

    def render(self) -> str:
        """Return the ring in the form that ``parse`` reads: a secret."""
        return ",".join(f"{number}:{base64.b64encode(key).decode()}" for number, key in self.masters.items())

    def derive(self, label: str, key_id: int | None = None) -> bytes:
        """Return 32 bytes for one purpose (HKDF-SHA256, RFC 5869); of the oldest key unless told."""
        chosen = min(self.masters) if key_id is None else key_id
        return HKDF(SHA256(), KEY_BYTES, salt=None, info=b"zoark/" + label.encode()).derive(self.masters[chosen])

    def checks(self, install_id: str) -> dict[str, str]:
        """Return a value per key that proves possession without revealing it."""
        return {
            str(key_id): hmac.new(self.derive("check", key_id), install_id.encode(), hashlib.sha256).hexdigest()
            for key_id in self.masters
        }


class Vault:
    """Seals and opens secrets for one installation."""

    def __init__(self, ring: KeyRing, install_id: str) -> None:
        """Bind the ring to the installation, so that a stolen row is worthless in another one."""
        self._ring = ring
        self._install_id = install_id
        self._newest = next(iter(ring.masters))

    def seal(self, secret: str, **context: str | int) -> bytes:
        """Encrypt ``secret``; the same ``context`` is needed to open it."""
        register_secret(secret)
        nonce = os.urandom(NONCE_BYTES)
        cipher = AESGCM(self._ring.derive("secrets", self._newest))
        head = bytes([FORMAT]) + self._newest.to_bytes(2, "big")
        return head + nonce + cipher.encrypt(nonce, secret.encode(), self._bound(head, context))

    def unseal(self, sealed: bytes, **context: str | int) -> SecretStr:
        """Decrypt a secret.

        Raises:
            SecretUnreadable: it belongs to another row, was changed, or its master key is gone.
        """
        head, nonce, body = sealed[:3], sealed[3 : 3 + NONCE_BYTES], sealed[3 + NONCE_BYTES :]
        key_id = int.from_bytes(head[1:3], "big")
        if head[:1] != bytes([FORMAT]) or key_id not in self._ring.masters:
            raise SecretUnreadable
        try:
            cipher = AESGCM(self._ring.derive("secrets", key_id))
            secret = cipher.decrypt(nonce, body, self._bound(head, context)).decode()
        except (InvalidTag, ValueError):  # ValueError: cut off inside the nonce
            raise SecretUnreadable from None
        register_secret(secret)
        return SecretStr(secret)

    def _bound(self, head: bytes, context: Mapping[str, str | int]) -> bytes:
        return head + json.dumps({**context, "install": self._install_id}, sort_keys=True).encode()
