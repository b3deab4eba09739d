"""Tokens are kept as hashes: whoever reads the database cannot sign in with it."""

from __future__ import annotations

import hashlib

from core.errors import LinkRefused

MAX_LINK_TOKEN = 200


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token as 64 hex digits. For 256-bit tokens no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hash_link(token: object) -> str:
    """Return the hash of a link's token; what is no token at all is refused like a wrong one."""
    if not isinstance(token, str) or not 0 < len(token) <= MAX_LINK_TOKEN:
        raise LinkRefused
    return hash_token(token)
