"""The SQL of the sums per month."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    select,
    text,
    update,
)

from core.db import Connection
from core.db.tables import (
    agents,
    departments,
    keys,
    model_calls,
    statements,
    usage_days,
    usage_months,
    users,
    workflows,
)
from core.db.upsert import upsert
from core.rollup.models import GroupSums, MonthUse, Named

# Any number, the same in every process. Who closes a month excludes who books into one.
ADVISORY_LOCK = 96277

calls, sums_of, day_sums = model_calls.c, usage_months.c, usage_days.c

_COUNTED = calls.status.in_(("answered", "interrupted"))
_SUMS = ("calls", "input_tokens", "output_tokens", "cost_micros", "unpriced_calls")
_ONE_CALL: tuple[ColumnElement[Any], ...] = (
    literal(1),
    func.coalesce(calls.input_tokens, 0),
    func.coalesce(calls.output_tokens, 0),
    func.coalesce(calls.cost_micros, 0),
    case((calls.cost_micros.is_(None), 1), else_=0),
)


def while_booking(connection: Connection) -> None:
    """Let nobody close a month until this transaction ends; booking goes on side by side."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": ADVISORY_LOCK})


def exclude_booking(connection: Connection) -> None:
    """Wait until nobody books, and let nobody until this transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def closed_through(connection: Connection) -> str | None:
    """Return the last closed month; none before it can be booked into."""
    return connection.execute(select(func.max(statements.c.month))).scalar()


def set_billed_month(connection: Connection, call_id: str, month: str) -> bool:
    """Write down in which month a settled call is billed; False when it counts nothing."""
    changed = connection.execute(
        update(model_calls).where(calls.id == call_id, _COUNTED).values(billed_month=month)
    )
    return changed.rowcount == 1


def add_call(connection: Connection, call_id: str, month: str, used_month: str) -> None:
    """Add a settled call to its sums."""
    rows: Select[Any] = select(
        literal(month),
        literal(used_month),
        func.coalesce(calls.department, ""),
        calls.user_id,
        func.coalesce(calls.agent_id, ""),
        func.coalesce(calls.workflow_id, ""),
        calls.key_id,
        calls.provider,
        calls.model,
        calls.is_pool,
        *_ONE_CALL,
    ).where(calls.id == call_id)
    _add(connection, usage_months, rows)


def add_call_to_day(connection: Connection, call_id: str, day: date) -> None:
    """Add a settled call to the sums of the day it was sent on."""
    rows: Select[Any] = select(
        literal(day, Date),
        calls.user_id,
        func.coalesce(calls.department, ""),
        func.coalesce(calls.agent_id, ""),
        func.coalesce(calls.workflow_id, ""),
        calls.key_id,
        calls.provider,
        calls.model,
        *_ONE_CALL,
    ).where(calls.id == call_id)
    _add(connection, usage_days, rows)


def by_month(connection: Connection, column: str, first: str, end: str, only: Mapping[str, str]) -> list[GroupSums]:
    """Return the sums of what was sent in the months ``[first, end)`` by a column."""
    within = and_(sums_of.used_month >= first, sums_of.used_month < end)
    return _by(connection, usage_months, within, column, only)


def by_day(connection: Connection, column: str, first: date, end: date, only: Mapping[str, str]) -> list[GroupSums]:
    """Return the sums of what was sent on the days ``[first, end)`` by a column."""
    return _by(connection, usage_days, and_(day_sums.day >= first, day_sums.day < end), column, only)


def of_month(connection: Connection, month: str, user_id: str | None = None) -> list[MonthUse]:
    """Return what is billed in a month, of everybody or of one person, in a fixed order."""
    groups: tuple[ColumnElement[Any], ...] = (
        sums_of.department,
        sums_of.user_id,
        sums_of.agent_id,
        sums_of.provider,
        sums_of.model,
        sums_of.is_pool,
        sums_of.used_month,
    )
    # PostgreSQL adds whole numbers up to a decimal.
    sums = select(*groups, *(func.sum(sums_of[name]).cast(BigInteger).label(name) for name in _SUMS))
    sums = sums.where(sums_of.billed_month == month)
    if user_id is not None:
        sums = sums.where(sums_of.user_id == user_id)
    used = sums.group_by(*groups).subquery().c
    # In the order of the fields of ``MonthUse``.
    rows: Iterable[Any] = connection.execute(
        select(
            func.nullif(used.department, ""),
            used.user_id,
            users.c.name,
            users.c.email,
            func.nullif(used.agent_id, ""),
            func.coalesce(agents.c.name, ""),
            used.provider,
            used.model,
            used.is_pool,
            used.used_month,
            *(used[name] for name in _SUMS),
        )
        .join(users, users.c.id == used.user_id)
        .outerjoin(agents, agents.c.id == used.agent_id)
    )
    found = [MonthUse(*row) for row in rows]
    # Here and not in SQL: the two databases sort text differently.
    return sorted(
        found, key=lambda use: (use.email, use.agent, use.model, use.is_pool, use.used_month, use.user_id)
    )


def named(connection: Connection, column: str, ids: Collection[str]) -> list[Named]:
    """Return what a column of ``usage_days`` refers to: people, departments, agents, workflows or keys."""
    of: Mapping[str, tuple[Any, ...]] = {
        "user_id": (users.c.id, users.c.name, literal(None), literal(False)),
        "department": (departments.c.slug, departments.c.name, literal(None), literal(False)),
        "workflow_id": (workflows.c.id, workflows.c.name, workflows.c.owner_id, literal(False)),
        "agent_id": (agents.c.id, agents.c.name, agents.c.owner_id, literal(False)),
        "key_id": (keys.c.id, keys.c.name, keys.c.owner_id, keys.c.is_pool),
    }
    if column not in of:
        return []
    return [Named(*row) for row in connection.execute(select(*of[column]).where(of[column][0].in_(ids)))]


def first_month(connection: Connection) -> str | None:
    """Return the first month that anything is billed in."""
    return connection.execute(select(func.min(sums_of.billed_month))).scalar()


def open_calls(connection: Connection, until: datetime) -> int:
    """Return how many calls were sent before a moment and are not settled."""
    query = select(func.count()).select_from(model_calls).where(calls.status == text("'open'"))
    return int(connection.execute(query.where(calls.started_at < until)).scalar_one())


def _by(
    connection: Connection, table: Table, within: ColumnElement[bool], column: str, only: Mapping[str, str]
) -> list[GroupSums]:
    group: ColumnElement[Any] = table.c[column] if column else literal("")
    # PostgreSQL adds whole numbers up to a decimal.
    sums = select(group, *(func.sum(table.c[name]).cast(BigInteger) for name in _SUMS)).where(
        within, *(table.c[name] == value for name, value in only.items())
    )
    # Without rows there is still one of sums when nothing is told apart.
    sums = sums.group_by(group) if column else sums.having(func.count() > 0)
    return [(str(name), (a, b, c, d, e)) for name, a, b, c, d, e in connection.execute(sums)]


def _add(connection: Connection, sums: Table, rows: Select[Any]) -> None:
    statement = upsert(connection, sums).from_select([column.name for column in sums.c], rows)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(sums.primary_key),
            set_={name: sums.c[name] + statement.excluded[name] for name in _SUMS},
        )
    )
