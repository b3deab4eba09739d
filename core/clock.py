"""The only source of time, ids and randomness, so that tests can hold them still."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: nothing to misread


def now() -> datetime:
    """Return the present moment in UTC, aware, to the microsecond."""
    return datetime.now(UTC)


def monotonic_seconds() -> float:
    """Return seconds that never run backwards, for measuring durations."""
    return time.monotonic()


def new_id(prefix: str) -> str:
    """Return an id such as ``run_01jd…``: 48 bits of milliseconds (ids sort by age) and 80 random bits."""
    value = (int(now().timestamp() * 1000) << 80) | secrets.randbits(80)
    digits = [_ALPHABET[(value >> shift) & 31] for shift in range(125, -5, -5)]
    return f"{prefix}_{''.join(digits)}"


def new_token() -> str:
    """Return 256 random bits as URL-safe text: session tokens and tickets."""
    return secrets.token_urlsafe(32)


def new_bytes(count: int) -> bytes:
    """Return random bytes, for seeds and codes that people read."""
    return secrets.token_bytes(count)
