"""The SQL of limits: the rules, who they are for, and the windows that model calls are counted in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from core.accounts.models import User
from core.db import Connection
from core.db.tables import departments, keys, quota_windows, quotas, users
from core.db.upsert import upsert
from core.quotas.models import EVERY, Allowance, Quota, Scope
from core.quotas.window import Window

windows = quota_windows.c


def put(connection: Connection, quota: Quota, actor_id: str) -> None:
    """Add a rule, or set another allowance where its subject has one."""
    allowed = {
        "requests_per_minute": quota.allowance.requests_per_minute,
        "tokens_per_minute": quota.allowance.tokens_per_minute,
        "concurrent_runs": quota.allowance.concurrent_runs,
    }
    connection.execute(
        upsert(connection, quotas)
        .values(
            id=quota.id,
            scope=quota.scope,
            scope_id=quota.scope_id,
            created_by=actor_id,
            created_at=quota.created_at,
            **allowed,
        )
        .on_conflict_do_update(index_elements=["scope", "scope_id"], set_=allowed)
    )


def remove(connection: Connection, quota_id: str) -> bool:
    """Remove a rule; False when there is none."""
    return connection.execute(delete(quotas).where(quotas.c.id == quota_id)).rowcount == 1


def quota(connection: Connection, quota_id: str) -> Quota | None:
    """Return one rule."""
    row = connection.execute(select(quotas).where(quotas.c.id == quota_id)).first()
    return _quota(row) if row else None


def quota_of(connection: Connection, scope: Scope, scope_id: str) -> Quota | None:
    """Return the rule of one subject."""
    row = connection.execute(select(quotas).where(quotas.c.scope == scope, quotas.c.scope_id == scope_id)).first()
    return _quota(row) if row else None


def all_quotas(connection: Connection) -> list[Quota]:
    """Return every rule."""
    return [_quota(row) for row in connection.execute(select(quotas).order_by(quotas.c.scope, quotas.c.scope_id))]


def applicable(connection: Connection, subjects: Collection[tuple[Scope, str]]) -> list[Quota]:
    """Return the rules of these subjects, and those for every one of their scopes."""
    wanted = or_(*(and_(quotas.c.scope == scope, quotas.c.scope_id.in_((EVERY, one))) for scope, one in subjects))
    return [_quota(row) for row in connection.execute(select(quotas).where(wanted))]


# --- whom rules are for -----------------------------------------------------------------------------


def people(connection: Connection, limit: int, only: Collection[str] | None = None) -> list[User]:
    """Return active people by name; with ``only`` these, active or not."""
    query = select(users).where(users.c.is_active) if only is None else select(users).where(users.c.id.in_(only))
    rows = connection.execute(query.order_by(users.c.name, users.c.email).limit(limit))
    return [User(row.id, row.email, row.name, row.role, row.department, row.created_at) for row in rows]


def key_owners(
    connection: Connection, limit: int, only: Collection[str] | None = None, owner_id: str | None = None
) -> list[tuple[str, str, str, str]]:
    """Return id and name of keys that are there, and id and name of their owners."""
    query = select(keys.c.id, keys.c.name, keys.c.owner_id, users.c.name.label("owner")).join(
        users, users.c.id == keys.c.owner_id
    )
    query = query.where(keys.c.deleted_at.is_(None))
    if only is not None:
        query = query.where(keys.c.id.in_(only))
    if owner_id is not None:
        query = query.where(keys.c.owner_id == owner_id)
    rows = connection.execute(query.order_by(keys.c.name, users.c.name).limit(limit))
    return [(row.id, row.name, row.owner_id, row.owner) for row in rows]


def department_names(connection: Connection) -> dict[str, str]:
    """Return the names of departments by slug, in their order."""
    rows = connection.execute(select(departments.c.slug, departments.c.name).order_by(departments.c.position))
    return {row.slug: row.name for row in rows}


# --- windows ----------------------------------------------------------------------------------------


def locked_window(connection: Connection, scope: Scope, scope_id: str) -> Window:
    """Return a window that nobody else reads or changes until this transaction ends; an empty one is made."""
    fresh = upsert(connection, quota_windows).values(scope=scope, scope_id=scope_id, slots=[], last_second=0)
    connection.execute(fresh.on_conflict_do_nothing())
    where = (windows.scope == scope, windows.scope_id == scope_id)
    return Window.load(connection.execute(select(windows.slots).where(*where).with_for_update()).scalar_one())


def store_window(connection: Connection, scope: Scope, scope_id: str, window: Window) -> None:
    """Store a window that is locked."""
    last = window.slots[-1].second if window.slots else 0
    connection.execute(
        update(quota_windows)
        .where(windows.scope == scope, windows.scope_id == scope_id)
        .values(slots=window.dump(), last_second=last)
    )


def forget_windows(connection: Connection, before_second: int, limit: int) -> int:
    """Drop windows in which nothing has happened since; return how many, ``limit`` at most."""
    rows: Sequence[Any] = connection.execute(
        select(windows.scope, windows.scope_id).where(windows.last_second < before_second).limit(limit)
    ).all()
    return sum(
        connection.execute(
            delete(quota_windows).where(
                windows.scope == row.scope,
                windows.scope_id == row.scope_id,
                windows.last_second < before_second,
            )
        ).rowcount
        for row in rows
    )


def _quota(row: Any) -> Quota:
    return Quota(
        row.id,
        row.scope,
        row.scope_id,
        Allowance(row.requests_per_minute, row.tokens_per_minute, row.concurrent_runs),
        row.created_at,
    )
