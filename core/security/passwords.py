"""Password hashing and the rule for a good one.

bcrypt reads 72 bytes at most, so the password is hashed with SHA-256 first: all 128 characters count.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from functools import lru_cache
from threading import BoundedSemaphore

from pwdlib import PasswordHash
from pwdlib.hashers.bcrypt import BcryptHasher

from core.errors import Invalid

MIN_LENGTH = 15  # NIST SP 800-63B-4: 15 characters where the password is the only factor
MAX_LENGTH = 128
ROUNDS = 12

# Hashing is slow on purpose; two at a time keep the other cores for people who are signed in.
_slots = BoundedSemaphore(2)


def normalise(password: str) -> str:
    """Return the same password however it was typed: NFKC, no space at the ends."""
    return unicodedata.normalize("NFKC", password).strip()


def check_rule(password: str) -> None:
    """Accept a new password of 15 to 128 characters.

    Raises:
        Invalid: it is shorter or longer.
    """
    length = len(normalise(password))
    if length < MIN_LENGTH:
        raise Invalid(f"A password needs at least {MIN_LENGTH} characters; a short sentence is easy.", "password")
    if length > MAX_LENGTH:
        raise Invalid(f"A password may have at most {MAX_LENGTH} characters.", "password")


def hash_password(password: str) -> str:
    """Return the bcrypt hash of a password (about 0.2 s of work)."""
    with _slots:
        return _hasher().hash(_prepare(password))


def verify_password(password: str, stored: str | None) -> bool:
    """Compare a password with its hash; without one the same work is done against a dummy."""
    with _slots:
        matches = _hasher().verify(_prepare(password), stored or _dummy())
    return matches and stored is not None


def _prepare(password: str) -> str:
    # A form can send a lone surrogate; it is a wrong password, not an error.
    typed = normalise(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hashlib.sha256(typed).digest()).decode()


@lru_cache
def _hasher() -> PasswordHash:
    return PasswordHash((BcryptHasher(rounds=ROUNDS),))


@lru_cache
def _dummy() -> str:
    return _hasher().hash("nobody has this password")
