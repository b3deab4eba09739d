"""The SQL of people, sessions and tickets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.accounts.models import Failures, User
from core.db import Connection
from core.db.tables import sessions, sign_in_failures, tickets, users


def insert_user(connection: Connection, user: User, password_hash: str | None) -> bool:
    """Add a person; False when somebody, active or not, has the address."""
    added = connection.execute(
        _upsert(connection, users)
        .values(
            id=user.id,
            email=user.email,
            name=user.name,
            role=user.role,
            department=user.department,
            password_hash=password_hash,
            is_active=True,
            created_at=user.created_at,
        )
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(users.c.id)
    )
    return added.first() is not None


def user_by_id(connection: Connection, user_id: str) -> User | None:
    """Return an active person."""
    row = connection.execute(select(users).where(users.c.id == user_id, users.c.is_active)).first()
    return _user(row) if row else None


def user_and_hash(connection: Connection, email: str) -> tuple[User | None, str | None]:
    """Return an active person and their password hash, or two times nothing."""
    row = connection.execute(select(users).where(users.c.email == email, users.c.is_active)).first()
    return (_user(row), row.password_hash) if row else (None, None)


def count_users(connection: Connection) -> int:
    """Return how many people there are."""
    return connection.execute(select(func.count()).select_from(users)).scalar_one()


def failures_of(connection: Connection, subject_hash: str) -> Failures | None:
    """Return the wrong tries for an address."""
    row = connection.execute(
        select(sign_in_failures).where(sign_in_failures.c.subject_hash == subject_hash)
    ).first()
    return Failures(row.failures, row.last_failed_at) if row else None


def lock_failures(connection: Connection, subject_hash: str, at: datetime) -> Failures | None:
    """Return the wrong tries for an address; no other try is judged until this transaction ends."""
    # Without a row there is nothing to lock: PostgreSQL would let the first tries through side by side.
    connection.execute(
        _upsert(connection, sign_in_failures)
        .values(subject_hash=subject_hash, failures=0, last_failed_at=at)
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        select(sign_in_failures).where(sign_in_failures.c.subject_hash == subject_hash).with_for_update()
    ).first()
    return Failures(row.failures, row.last_failed_at) if row else None


def add_failure(connection: Connection, subject_hash: str, at: datetime) -> None:
    """Count one more wrong try."""
    connection.execute(
        _upsert(connection, sign_in_failures)
        .values(subject_hash=subject_hash, failures=1, last_failed_at=at)
        .on_conflict_do_update(
            index_elements=["subject_hash"],
            set_={"failures": sign_in_failures.c.failures + 1, "last_failed_at": at},
        )
    )


def clear_failures(connection: Connection, subject_hash: str) -> None:
    """Forget the wrong tries for an address."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject_hash == subject_hash))


def insert_ticket(
    connection: Connection, token_hash: str, user_id: str, browser_hash: str, expires_at: datetime
) -> None:
    """Add a one-time ticket."""
    connection.execute(
        insert(tickets).values(
            token_hash=token_hash, user_id=user_id, browser_hash=browser_hash, expires_at=expires_at
        )
    )


def use_ticket(connection: Connection, token_hash: str, browser_hash: str, at: datetime) -> str | None:
    """Mark a ticket as used and return whose it is; a second use finds nothing."""
    used = connection.execute(
        update(tickets)
        .where(
            tickets.c.token_hash == token_hash,
            tickets.c.browser_hash == browser_hash,
            tickets.c.used_at.is_(None),
            tickets.c.expires_at > at,
        )
        .values(used_at=at)
        .returning(tickets.c.user_id)
    ).first()
    return used.user_id if used else None


def drop_old_tickets(connection: Connection, before: datetime) -> None:
    """Forget tickets that expired before a moment."""
    connection.execute(delete(tickets).where(tickets.c.expires_at < before))


def insert_session(connection: Connection, **values: Any) -> None:
    """Add a browser session."""
    connection.execute(insert(sessions).values(**values))


def session_owner(
    connection: Connection, token_hash: str, at: datetime, idle_since: datetime
) -> tuple[User, datetime] | None:
    """Return whose live session this is and when it was last seen."""
    row = connection.execute(
        select(users, sessions.c.last_seen_at)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.token_hash == token_hash,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > at,
            sessions.c.last_seen_at > idle_since,
            users.c.is_active,
        )
    ).first()
    return (_user(row), row.last_seen_at) if row else None


def touch_session(connection: Connection, token_hash: str, at: datetime) -> None:
    """Note that a session is in use."""
    connection.execute(update(sessions).where(sessions.c.token_hash == token_hash).values(last_seen_at=at))


def revoke_session(connection: Connection, token_hash: str, at: datetime) -> None:
    """End a session."""
    connection.execute(
        update(sessions)
        .where(sessions.c.token_hash == token_hash, sessions.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def _upsert(connection: Connection, into: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, which both databases spell alike."""
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(into)


def _user(row: Any) -> User:
    return User(row.id, row.email, row.name, row.role, row.department, row.created_at)
