"""Signatures as https://www.standardwebhooks.com has them, and the secrets that make them. Pure functions."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from pydantic import SecretStr

from core import clock

PREFIX = "whsec_"
# The standard asks for 24 to 64 bytes; these are written without padding.
SECRET_BYTES = 24


def new_secret() -> SecretStr:
    """Return a new secret in the form that receivers are given."""
    return SecretStr(PREFIX + base64.b64encode(clock.new_bytes(SECRET_BYTES)).decode())


def headers(message_id: str, timestamp: int, body: bytes, secrets: Sequence[SecretStr]) -> dict[str, str]:
    """Return the headers of a message: ``timestamp`` is that of the attempt, in seconds since 1970.

    While a secret is being changed there are two, and a signature of each.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, signed) for secret in secrets),
    }


def signature(secret: SecretStr, signed: bytes) -> str:
    """Return the signature of what is signed: ``{id}.{timestamp}.{body}``."""
    key = base64.b64decode(secret.get_secret_value().removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
