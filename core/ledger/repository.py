"""The SQL of the windows of budgets and the reservations in them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, text, update

from core.budgets.models import Budget, Period, Scope
from core.db import Connection
from core.db.tables import budget_windows, budgets, model_calls, reservations, runs
from core.db.upsert import upsert

# Any number, the same in every process. Who counts what was spent so far excludes who settles meanwhile.
ADVISORY_LOCK = 96276
_LAST = datetime(9999, 1, 1, tzinfo=UTC)

windows = budget_windows.c
# What a call has of each scope; the organisation has all of them.
_SUBJECT: dict[Scope, Any] = {
    "department": model_calls.c.department,
    "person": model_calls.c.user_id,
    "key": model_calls.c.key_id,
    "agent": model_calls.c.agent_id,
    "run": model_calls.c.run_id,
}


def insert_budget(connection: Connection, budget: Budget) -> bool:
    """Add a budget; False when there is one of its scope and period."""
    statement = upsert(connection, budgets).values(
        id=budget.id,
        scope=budget.scope,
        scope_id=budget.scope_id,
        period=budget.period,
        limit_micros=budget.limit_micros,
        set_by=budget.set_by,
        created_at=budget.created_at,
    )
    # Asked for what it wrote: the number of rows is not known on PostgreSQL.
    return connection.execute(statement.on_conflict_do_nothing().returning(budgets.c.id)).first() is not None


def caps(connection: Connection, run_ids: Collection[str]) -> dict[str, int]:
    """Return the limits of these runs, where they have one."""
    rows = connection.execute(
        select(budgets.c.scope_id, budgets.c.limit_micros).where(
            budgets.c.scope == "run", budgets.c.scope_id.in_(run_ids)
        )
    )
    return {row.scope_id: row.limit_micros for row in rows}


def applicable(connection: Connection, scopes: Collection[tuple[Scope, str]]) -> list[Budget]:
    """Return the budgets of these scopes in the one order in which everybody locks their windows.

    A run pays for those that its nodes have started: what limits it limits them, too.
    """
    wanted = or_(
        *(
            and_(
                budgets.c.scope == scope,
                budgets.c.scope_id.in_(_with_those_above(scope_id))
                if scope == "run"
                else budgets.c.scope_id == scope_id,
            )
            for scope, scope_id in scopes
        )
    )
    rows = connection.execute(select(budgets).where(wanted).order_by(budgets.c.id))
    return [_budget(row) for row in rows]


# --- windows ----------------------------------------------------------------------------------------


def exclude_settling(connection: Connection) -> None:
    """Wait until nobody settles, and let nobody until this transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def while_settling(connection: Connection) -> None:
    """Wait until nobody counts, and let nobody until this transaction ends; settling goes on side by side."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": ADVISORY_LOCK})


def open_window(connection: Connection, budget: Budget, window: str, spent_micros: int) -> None:
    """Open a window in which so much is spent already; harmless when somebody was faster."""
    statement = upsert(connection, budget_windows).values(
        budget_id=budget.id, window=window, spent_micros=spent_micros, reserved_micros=0, warned_percent=0
    )
    connection.execute(statement.on_conflict_do_nothing())


def spent_so_far(connection: Connection, alike: Sequence[Budget], window: str) -> dict[str, int]:
    """Return what the books say was spent in a window, by ``scope_id``, for budgets of one scope and period."""
    since, until = _range(alike[0].period, window)
    calls = model_calls.c
    spent = func.coalesce(func.sum(calls.cost_micros), 0)
    counted = (calls.status.in_(("answered", "interrupted")), calls.started_at >= since, calls.started_at < until)
    if alike[0].scope == "organisation":
        return {"": int(connection.execute(select(spent).where(*counted)).scalar_one())}
    subject = _SUBJECT[alike[0].scope]
    rows = connection.execute(
        select(subject.label("scope_id"), spent.label("spent"))
        .where(subject.in_([budget.scope_id for budget in alike]), *counted)
        .group_by(subject)
    )
    return {row.scope_id: int(row.spent) for row in rows}


def reserve(connection: Connection, budget_id: str, window: str, micros: int) -> bool:
    """Hold so much if there is room for it: one conditional statement; False when there is none."""
    limit = select(budgets.c.limit_micros).where(budgets.c.id == budget_id).scalar_subquery()
    return (
        connection.execute(
            update(budget_windows)
            .where(*_at(budget_id, window), windows.spent_micros + windows.reserved_micros + micros <= limit)
            .values(reserved_micros=windows.reserved_micros + micros)
        ).rowcount
        == 1
    )


def book(
    connection: Connection, budget_id: str, window: str, spent_micros: int, released_micros: int
) -> int | None:
    """Add what was spent, give back what was held; return the new sum, or None without such a window."""
    return connection.execute(
        update(budget_windows)
        .where(*_at(budget_id, window))
        .values(
            spent_micros=windows.spent_micros + spent_micros,
            reserved_micros=windows.reserved_micros - released_micros,
        )
        .returning(windows.spent_micros)
    ).scalar()


def forget_windows(connection: Connection, budget_id: str) -> None:
    """Remove the windows of a budget that is deleted."""
    connection.execute(delete(budget_windows).where(windows.budget_id == budget_id))


def forget_warnings(connection: Connection, budget_id: str) -> None:
    """Let what was told of a budget be told again: it has another limit."""
    connection.execute(update(budget_windows).where(windows.budget_id == budget_id).values(warned_percent=0))


def note_warning(connection: Connection, budget_id: str, window: str, percent: int) -> bool:
    """Remember that so many percent were told; False when they were told before."""
    return (
        connection.execute(
            update(budget_windows)
            .where(*_at(budget_id, window), windows.warned_percent < percent)
            .values(warned_percent=percent)
        ).rowcount
        == 1
    )


def used(connection: Connection, held: Collection[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return what is spent and what is held in those of these windows that have been opened."""
    rows = connection.execute(
        select(windows.budget_id, windows.window, windows.spent_micros, windows.reserved_micros).where(
            *_among(held)
        )
    )
    found = {(row.budget_id, row.window): (row.spent_micros, row.reserved_micros) for row in rows}
    return {pair: found[pair] for pair in held if pair in found}


# --- reservations -----------------------------------------------------------------------------------


def insert_reservation(
    connection: Connection,
    call_id: str,
    micros: int,
    price_version: str,
    held: Sequence[tuple[str, str]],
    expires_at: datetime,
) -> None:
    """Write down what is held for a call; ``held`` names the windows."""
    connection.execute(
        insert(reservations).values(
            call_id=call_id,
            micros=micros,
            price_version=price_version,
            held=[list(pair) for pair in held],
            expires_at=expires_at,
        )
    )


def take_reservation(connection: Connection, call_id: str) -> tuple[int, set[tuple[str, str]]]:
    """Remove what is held for a call and return it, with the windows it is held in."""
    row = connection.execute(
        delete(reservations)
        .where(reservations.c.call_id == call_id)
        .returning(reservations.c.micros, reservations.c.held)
    ).first()
    return (row.micros, {(pair[0], pair[1]) for pair in row.held}) if row else (0, set())


def expired(connection: Connection, at: datetime, limit: int) -> list[tuple[str, int, str]]:
    """Return call, amount and price version of reservations whose lease is over."""
    rows = connection.execute(
        select(reservations.c.call_id, reservations.c.micros, reservations.c.price_version)
        .where(reservations.c.expires_at < at)
        .order_by(reservations.c.expires_at)
        .limit(limit)
    )
    return [(row.call_id, row.micros, row.price_version) for row in rows]


def next_lease_end(connection: Connection) -> datetime | None:
    """Return when the first lease is over; None without a reservation."""
    found: datetime | None = connection.execute(select(func.min(reservations.c.expires_at))).scalar()
    return found


def _among(held: Collection[tuple[str, str]]) -> tuple[ColumnElement[bool], ...]:
    return (windows.budget_id.in_({of for of, _ in held}), windows.window.in_({name for _, name in held}))


def _at(budget_id: str, window: str) -> tuple[ColumnElement[bool], ...]:
    return (windows.budget_id == budget_id, windows.window == window)


def _range(period: Period, window: str) -> tuple[datetime, datetime]:
    if period == "run":
        return datetime(2000, 1, 1, tzinfo=UTC), _LAST
    if period == "day":
        since = datetime.strptime(window, "%Y-%m-%d").replace(tzinfo=UTC)
        return since, since + timedelta(days=1)
    since = datetime.strptime(window, "%Y-%m").replace(tzinfo=UTC)
    return since, (since + timedelta(days=32)).replace(day=1)


def _with_those_above(run_id: str) -> Select[Any]:
    own = select(runs.c.id, runs.c.parent_run_id).where(runs.c.id == run_id).cte("above", recursive=True)
    above = own.union_all(select(runs.c.id, runs.c.parent_run_id).join(own, own.c.parent_run_id == runs.c.id))
    return select(above.c.id)


def _budget(row: Any) -> Budget:
    return Budget(row.id, row.scope, row.scope_id, row.period, row.limit_micros, row.set_by, row.created_at)
