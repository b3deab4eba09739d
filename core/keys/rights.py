"""Who looks after a key: a pure rule that the services of keys ask."""

from __future__ import annotations

from core.accounts.capabilities import can
from core.accounts.models import User
from core.errors import Forbidden
from core.keys.models import Key


def looks_after(actor: User, key: Key) -> bool:
    """Whether somebody may disable and delete a key and see all of its health.

    That is its owner and, where it is the organisation's, any administrator.
    """
    return key.owner_id == actor.id or (key.is_pool and can(actor, "settings.manage"))


def require_care(actor: User, key: Key) -> None:
    """Raise ``Forbidden`` unless the actor looks after a key."""
    if not looks_after(actor, key):
        raise Forbidden
