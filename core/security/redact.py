"""Cut secrets out of text by their value: whatever was opened in this process never leaves it in words.

Four sinks pass through here: log lines, error reports, the trace and what a person is shown.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import Any

MASK = "[secret]"
_MIN_LENGTH = 6  # shorter values would eat ordinary words

# Common shapes of keys, for secrets this process never opened (a provider may echo someone else's), and of our own
# tokens: there are too many of them to remember each. JSON Web Tokens begin like {" in base 64.
_SHAPES = re.compile(
    r"\b(?:(?:(?:sk|gsk|xai|ghp|gho|zoark)[-_]|AIza|eyJ|Bearer )[A-Za-z0-9._-]{16,}|whsec_[A-Za-z0-9+/]{16,})\b"
)

_secrets: set[str] = set()
_lock = Lock()


def register_secret(secret: str) -> None:
    """Remember a value that must not appear in any text from now on."""
    if len(secret) >= _MIN_LENGTH:
        with _lock:
            _secrets.add(secret)


def redact(text: str) -> str:
    """Return ``text`` with every known secret, and whatever looks like a key, replaced by ``[secret]``."""
    with _lock:
        known = sorted(_secrets, key=len, reverse=True)
    for secret in known:
        if secret in text:
            text = text.replace(secret, MASK)
    return _SHAPES.sub(MASK, text)


def redact_cut(text: str) -> str:
    """Redact a text that was cut off: an end that may be the beginning of a secret goes too."""
    text = redact(text)
    with _lock:
        known = list(_secrets)
    for length in range(min(len(text), max(map(len, known), default=0)), _MIN_LENGTH - 1, -1):
        end = text[-length:]
        if any(secret.startswith(end) for secret in known):
            return text[:-length] + MASK
    return text


def redact_tree(value: Any) -> Any:
    """Redact every string inside dicts, lists and tuples."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact_tree(key): redact_tree(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redact_tree(inner) for inner in value]
    return value
