"""How a personal token looks: a prefix that leak scanners can search for, random digits, a checksum.

``zoark_`` + 43 digits of base 62 (256 bits) + 6 digits of the CRC-32 of what stands before. A mistyped or made-up
token is recognised without asking the database.
"""

from __future__ import annotations

import re
import zlib

from core import clock

PREFIX = "zoark_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_LENGTH, _SUM_LENGTH = 43, 6
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_LENGTH + _SUM_LENGTH}}}")
HINT_LENGTH = len(PREFIX) + 4


def new_secret() -> str:
    """Return a new token's text."""
    body = PREFIX + _base62(int.from_bytes(clock.new_bytes(32), "big"), _RANDOM_LENGTH)
    return body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Whether a text can be a token at all."""
    return bool(_SHAPE.fullmatch(text)) and _checksum(text[:-_SUM_LENGTH]) == text[-_SUM_LENGTH:]


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _SUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits
