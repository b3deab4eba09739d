"""How long links in mails live, which page they open, how often they go out, and what a token looks like."""

from __future__ import annotations

from datetime import timedelta

from core.accounts.models import LinkKind
from core.errors import LinkRefused
from core.security.tokens import hash_token

# OWASP Forgot Password; ASVS 6.4.3.
LIFE: dict[LinkKind, timedelta] = {
    "verification": timedelta(days=7),
    "reset": timedelta(minutes=30),
    "invitation": timedelta(days=7),
}
PAGES: dict[LinkKind, str] = {"verification": "verify", "reset": "new-password", "invitation": "invitation"}
RESETS_AN_HOUR_PER_ADDRESS = 5
RESETS_AN_HOUR_PER_ORIGIN = 20
VERIFICATIONS_AN_HOUR = 5
KEPT = timedelta(days=30)
MAX_TOKEN = 200


def hashed(token: object) -> str:
    """Return the hash of a token; what is no token at all is refused like a wrong one.

    Raises:
        LinkRefused: it is empty, too long or no text.
    """
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN:
        raise LinkRefused
    return hash_token(token)
