"""Tokens are kept as hashes: whoever reads the database cannot sign in with it."""

from __future__ import annotations

import hashlib


def hash_token(token: str) -> str:
    """Return the SHA-256 of a random token as 64 hex digits. For 256-bit tokens no salt is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
