"""Who belongs to the organisation, for those who only have an address."""

from __future__ import annotations

from core.accounts import repository
from core.db import Connection


def is_colleague(connection: Connection, email: str) -> bool:
    """Whether an active person here has this address, in the form that is stored."""
    return repository.is_active_at(connection, email) is True
