"""Whether a message is from who knows the secret, and fresh; as https://www.standardwebhooks.com has it. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from core.triggers.failures import MessageTooOld, SignatureRefused
from core.triggers.models import TOLERANCE_SECONDS
from core.webhooks.signing import signature

MAX_MESSAGE_ID = 180
MAX_SIGNATURES = 10


@dataclass(frozen=True)
class Envelope:
    """What a message's headers say: its id, when it was signed (seconds since 1970), and its signatures."""

    message_id: str
    timestamp: int
    signatures: tuple[str, ...]


def open_envelope(headers: Mapping[str, str]) -> Envelope:
    """Return what the headers ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature`` say.

    Raises:
        SignatureRefused: one is missing or has not the right form.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split()
    if not (0 < len(message_id) <= MAX_MESSAGE_ID and message_id.isascii() and message_id.isprintable()):
        raise SignatureRefused
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise SignatureRefused
    if not 0 < len(signatures) <= MAX_SIGNATURES:
        raise SignatureRefused
    return Envelope(message_id, int(timestamp), tuple(signatures))


def check(envelope: Envelope, body: bytes, secret: SecretStr, now: int) -> None:
    """Do nothing when a message is signed with the secret, and lately.

    Raises:
        SignatureRefused: no signature is right.
        MessageTooOld: it was signed long ago, so it may be a replay.
    """
    signed = f"{envelope.message_id}.{envelope.timestamp}.".encode() + body
    wanted = signature(secret, signed).encode()
    # Each is compared in the same time, whatever they say.
    matches = [hmac.compare_digest(wanted, given.encode()) for given in envelope.signatures]
    if not any(matches):
        raise SignatureRefused
    if abs(now - envelope.timestamp) > TOLERANCE_SECONDS:
        raise MessageTooOld(limit_seconds=TOLERANCE_SECONDS)
