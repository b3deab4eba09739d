"""The WebAuthn protocol: what to ask a browser for, and whether its answer proves anything.

The library is imported inside functions: most processes never need it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.accounts.models import User
from core.logs import get_logger
from core.passkeys.failures import PasskeyCopied, PasskeyRefused
from core.passkeys.models import Assertion, Attestation, NewKey, Site, StoredKey, Use

log = get_logger(__name__)

# How long a browser waits for the person.
TIMEOUT_MS = 120_000
# Longer ones are refused before anything reads them (WebAuthn, 5.8.3: a credential id has 1023 bytes at most).
MAX_CREDENTIAL_ID = 1023
TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "internal", "cable", "hybrid"})


def creation_options(
    site: Site, actor: User, company: str, challenge: bytes, known: Sequence[StoredKey]
) -> dict[str, Any]:
    """Return what ``navigator.credentials.create`` is asked for, as JSON with base64url in it."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AttestationConveyancePreference,
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    return options_to_json_dict(
        generate_registration_options(
            rp_id=site.rp_id,
            rp_name=company or "Zoark",
            user_id=handle_of(actor.id),
            user_name=actor.email,
            user_display_name=actor.name,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_descriptors(known),
        )
    )


def request_options(site: Site, challenge: bytes, known: Sequence[StoredKey] = ()) -> dict[str, Any]:
    """Return what ``navigator.credentials.get`` is asked for; without ``known`` any passkey will do."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import UserVerificationRequirement

    return options_to_json_dict(
        generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=_descriptors(known),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def challenge_in(client_data: bytes) -> bytes:
    """Return the challenge that a browser has answered; whether it is one of ours the database says.

    Raises:
        PasskeyRefused: this is no client data, or another site's page asked for it in a frame.
    """
    from webauthn.helpers import base64url_to_bytes

    try:
        data = json.loads(client_data)
        challenge = base64url_to_bytes(data["challenge"])
        is_framed = data.get("crossOrigin", False) is not False
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise PasskeyRefused from None
    if is_framed or not challenge:
        raise PasskeyRefused
    return challenge


def check_attestation(site: Site, answer: Attestation, challenge: bytes) -> NewKey:
    """Return the new key; raises ``PasskeyRefused`` unless every rule of the protocol holds."""
    from webauthn import verify_registration_response
    from webauthn.helpers.structs import AuthenticatorAttestationResponse, RegistrationCredential

    try:
        verified = verify_registration_response(
            credential=RegistrationCredential(
                id=_base64url(answer.credential_id),
                raw_id=answer.credential_id,
                response=AuthenticatorAttestationResponse(answer.client_data, answer.attestation_object),
            ),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # parsers of hostile bytes raise more than they promise
        log.warning("a new passkey was refused", error=type(error).__name__)
        raise PasskeyRefused from None
    if verified.credential_id != answer.credential_id or len(verified.credential_id) > MAX_CREDENTIAL_ID:
        raise PasskeyRefused
    return NewKey(
        verified.credential_id,
        verified.credential_public_key,
        verified.sign_count,
        verified.credential_backed_up,
    )


def check_assertion(site: Site, answer: Assertion, challenge: bytes, stored: StoredKey) -> Use:
    """Return what the use of a passkey proved.

    Raises:
        PasskeyRefused: a rule of the protocol does not hold.
        PasskeyCopied: all rules hold, but its counter went back (WebAuthn, 6.1.1).
    """
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

    handle = answer.user_handle
    if handle is not None and handle != handle_of(stored.passkey.user_id):
        raise PasskeyRefused
    try:
        verified = verify_authentication_response(
            credential=AuthenticationCredential(
                id=_base64url(answer.credential_id),
                raw_id=answer.credential_id,
                response=AuthenticatorAssertionResponse(
                    answer.client_data, answer.authenticator_data, answer.signature, handle
                ),
            ),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=stored.public_key,
            # The library would look at the counter before the signature: anybody could then cry wolf.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:  # parsers of hostile bytes raise more than they promise
        log.warning("a passkey was refused", error=type(error).__name__)
        raise PasskeyRefused from None
    count = verified.new_sign_count
    if (count or stored.sign_count) and count <= stored.sign_count:
        raise PasskeyCopied
    return Use(count, verified.credential_backed_up)


def handle_of(user_id: str) -> bytes:
    """Return what a device keeps to tell whose passkey it is: our id, which says nothing about the person."""
    return user_id.encode()


def _descriptors(known: Sequence[StoredKey]) -> list[Any]:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(
            id=stored.credential_id,
            transports=[AuthenticatorTransport(name) for name in stored.passkey.transports] or None,
        )
        for stored in known
    ]


def _base64url(value: bytes) -> str:
    from webauthn.helpers import bytes_to_base64url

    return bytes_to_base64url(value)
