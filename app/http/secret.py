"""The secret that signs Streamlit's session cookie: kept sealed, so it survives restarts and new master keys."""

from __future__ import annotations

from functools import lru_cache

from core.bootstrap import cookie_key
from core.config import load_settings


@lru_cache
def cookie_secret() -> str:
    """Return the signing secret; raises ``MasterKeyWrong`` when there is no key."""
    return cookie_key(load_settings())
