"""The SQL of people, for administrators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, update

from core.db import Connection
from core.db.tables import passkeys, sessions, users
from core.people.models import Person


def search(connection: Connection, words: str, limit: int) -> list[Person]:
    """Return the people whose name or address has ``words`` in it, by name."""
    conditions = []
    if words:
        pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        conditions = [
            or_(
                func.lower(users.c.name).like(pattern, escape="\\"),
                func.lower(users.c.email).like(pattern, escape="\\"),
            )
        ]
    return _people(connection, *conditions, limit=limit)


def person(connection: Connection, user_id: str) -> Person | None:
    """Return one person, suspended or not."""
    found = _people(connection, users.c.id == user_id, limit=1)
    return found[0] if found else None


def lock_admins(connection: Connection) -> set[str]:
    """Return the ids of active administrators; nobody else changes them until this transaction ends."""
    rows = connection.execute(
        select(users.c.id)
        .where(users.c.role == "admin", users.c.is_active)
        .order_by(users.c.id)
        .with_for_update(key_share=True)
    )
    return {row.id for row in rows}


def change(connection: Connection, user_id: str, **values: Any) -> None:
    """Set values of a person."""
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def _people(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[Person]:
    seen = (
        select(sessions.c.user_id, func.max(sessions.c.last_seen_at).label("last_seen_at"))
        .group_by(sessions.c.user_id)
        .subquery()
    )
    rows = connection.execute(
        select(
            users,
            seen.c.last_seen_at,
            exists().where(passkeys.c.user_id == users.c.id).label("has_passkey"),
        )
        .outerjoin(seen, seen.c.user_id == users.c.id)
        .where(*conditions)
        .order_by(func.lower(users.c.name), users.c.id)
        .limit(limit)
    )
    return [_person(row) for row in rows]


def _person(row: Any) -> Person:
    return Person(
        id=row.id,
        email=row.email,
        name=row.name,
        role=row.role,
        department=row.department,
        is_active=row.is_active,
        has_two_factor=row.totp_enabled_at is not None or row.has_passkey,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
    )
