"""What other nouns ask of the accounts inside their own transaction: signing in at a provider above all."""

from __future__ import annotations

from core import clock
from core.accounts import repository
from core.accounts.models import User
from core.db import Connection


def active_user(connection: Connection, user_id: str) -> User | None:
    """Return a person who may sign in."""
    return repository.user_by_id(connection, user_id)


def address_state(connection: Connection, email: str) -> str:
    """Return ``unknown``, ``active`` or ``suspended``: what stands behind a normalised address."""
    is_active = repository.is_active_at(connection, email)
    return "unknown" if is_active is None else "active" if is_active else "suspended"


def add_member(connection: Connection, email: str, name: str) -> User | None:
    """Add a member without a password whose address a provider has verified; None when somebody has it."""
    at = clock.now()
    user = User(clock.new_id("user"), email, name, "member", None, at, proved_at=at)
    if not repository.insert_user(connection, user, None):
        return None
    repository.verify_email(connection, user.id, email, at)
    return user


def has_password(connection: Connection, user_id: str) -> bool:
    """Whether a person can sign in with a password; nobody changes that until this transaction ends."""
    return repository.lock_password(connection, user_id)
