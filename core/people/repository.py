"""The SQL of people, for administrators."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_, update

from core.accounts.models import User
from core.db import Connection
from core.db.tables import passkeys, sessions, users
from core.people.models import Person


def search(
    connection: Connection, words: str, limit: int, seen_by: User | None = None, after: str | None = None
) -> list[Person]:
    """Return the people whose name or address has ``words`` in it, by name.

    With ``seen_by`` only that person and those of their department; with ``after`` only those who follow this one.
    """
    conditions: list[ColumnElement[bool]] = []
    if after is not None:
        # The database compares as it sorts: neither side is lowered or ordered by us. Nobody is ever deleted.
        last = users.alias()
        place = select(func.lower(last.c.name), last.c.id).where(last.c.id == after)
        conditions.append(tuple_(func.lower(users.c.name), users.c.id) > place.scalar_subquery())
    if seen_by is not None:
        is_near = users.c.id == seen_by.id
        if seen_by.department is not None:  # no department is nothing that people have in common
            is_near = or_(is_near, users.c.department == seen_by.department)
        conditions.append(is_near)
    if words:
        pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        conditions.append(
            or_(
                func.lower(users.c.name).like(pattern, escape="\\"),
                func.lower(users.c.email).like(pattern, escape="\\"),
            )
        )
    return _people(connection, *conditions, limit=limit)


def person(connection: Connection, user_id: str) -> Person | None:
    """Return one person, suspended or not."""
    found = _people(connection, users.c.id == user_id, limit=1)
    return found[0] if found else None


def lock(connection: Connection, *user_ids: str) -> set[str]:
    """Return the ids of active administrators; they and ``user_ids`` stay as they are until this transaction ends.

    One statement in one order: two people who change each other wait instead of blocking each other.
    """
    rows = connection.execute(
        select(users.c.id, users.c.role, users.c.is_active)
        .where(or_(and_(users.c.role == "admin", users.c.is_active), users.c.id.in_(user_ids)))
        .order_by(users.c.id)
        .with_for_update(key_share=True)
    )
    return {row.id for row in rows if row.role == "admin" and row.is_active}


def change(connection: Connection, person: Person, **values: Any) -> bool:
    """Set values of a person; False when they are not as they were read any more."""
    changed = connection.execute(
        update(users)
        .where(
            users.c.id == person.id,
            users.c.role == person.role,
            users.c.department.is_not_distinct_from(person.department),
            users.c.is_active == person.is_active,
        )
        .values(**values)
    )
    return changed.rowcount == 1


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
