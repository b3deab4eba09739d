"""A person as an administrator sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.accounts.models import Role

# So many people are listed at once; a search finds the others.
LIST_LIMIT = 200


@dataclass(frozen=True)
class Person:
    """Somebody with an account; ``is_active`` is False while they are suspended."""

    id: str
    email: str
    name: str
    role: Role
    department: str | None
    is_active: bool
    has_two_factor: bool
    created_at: datetime
    last_seen_at: datetime | None
