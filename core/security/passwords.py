"""Password hashing and the rule for a good one.

bcrypt reads 72 bytes at most, so the password is hashed with SHA-256 first: all 128 characters count.
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore

from pwdlib import PasswordHash
from pwdlib.hashers.bcrypt import BcryptHasher

from core.errors import Invalid

# NIST SP 800-63B-4, 3.1.1.2: 15 characters where the password is the only factor, 8 where a second one is demanded.
MIN_LENGTH = 15
MIN_LENGTH_OF_TWO = 8
MAX_LENGTH = 128
# So much of a password must be neither a common password nor a word of the context (ASVS 6.2.4, 6.2.11).
OWN_LENGTH = 8
_COMMON_FILE = Path(__file__).with_name("common_passwords.txt")
_COMMON_SHORTEST, _COMMON_LONGEST = 8, 20
_CONTEXT_SHORTEST = 3
ROUNDS = 12

# Hashing is slow on purpose; two at a time keep the other cores for people who are signed in.
_slots = BoundedSemaphore(2)


def normalise(password: str) -> str:
    """Return the same password however it was typed: NFKC, no space at the ends."""
    return unicodedata.normalize("NFKC", password).strip()


def check_rule(password: str, context_words: Iterable[str] = (), shortest: int = MIN_LENGTH) -> None:
    """Accept a new password of ``shortest`` to 128 characters that is hard to guess.

    Args:
        password: as it was typed.
        context_words: what a guesser tries first: the person's name, address, company, product.
        shortest: how many characters it needs: fewer where a second factor is demanded.

    Raises:
        Invalid: it is shorter or longer, or is little more than common passwords and context words.
    """
    length = len(normalise(password))
    if length < shortest:
        raise Invalid(f"A password needs at least {shortest} characters; a short sentence is easy.", "password")
    if length > MAX_LENGTH:
        raise Invalid(f"A password may have at most {MAX_LENGTH} characters.", "password")
    if _own_length(normalise(password).casefold(), {word.casefold() for word in context_words}) < OWN_LENGTH:
        raise Invalid(
            "This password is easy to guess: it is made of common passwords, or of your name, address or company. "
            "Choose another one.",
            "password",
        )


def context_words(name: str, email: str) -> set[str]:
    """Return what a guesser of this person's password tries first: name, address, company and product."""
    local, _, domain = email.partition("@")
    company = domain.rpartition(".")[0]
    return {"zoark", name, email, local, company, *re.split(r"[\W_]+", f"{name} {local} {company}")}


def _own_length(folded: str, context: set[str]) -> int:
    """Return how many characters are left without common passwords and words of the context."""
    context = {word for word in context if len(word) >= _CONTEXT_SHORTEST}
    longest = max([_COMMON_LONGEST, *map(len, context)])
    own, at = 0, 0
    while at < len(folded):
        for length in range(min(longest, len(folded) - at), _CONTEXT_SHORTEST - 1, -1):
            part = folded[at : at + length]
            if part in context or (length >= _COMMON_SHORTEST and part in _common()):
                at += length
                break
        else:
            own, at = own + 1, at + 1
    return own


@lru_cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON_FILE.read_text("utf-8").split())


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
