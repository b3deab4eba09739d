"""Who looks after a key: a pure rule that the services of keys ask."""

from __future__ import annotations

from core.errors import Forbidden
from core.keys.models import Key


def looks_after(key: Key) -> bool:
    """Whether whoever asked for a key may disable and delete it and see all of its health.

    That is its owner and, where it is the organisation's, any administrator: ``access`` says so of both.
    """
    return key.access.is_owner


def require_care(key: Key) -> None:
    """Raise ``Forbidden`` unless whoever asked for a key looks after it."""
    if not looks_after(key):
        raise Forbidden
