"""The secret that signs Streamlit's session cookie: derived from the oldest master key, so it survives restarts."""

from __future__ import annotations

from functools import lru_cache

from core.bootstrap import load_ring
from core.config import load_settings


@lru_cache
def cookie_secret() -> str:
    """Return the signing secret; raises ``MasterKeyWrong`` when there is no key."""
    return load_ring(load_settings()).derive("cookie").hex()
