"""The SQL of model calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Label, and_, case, func, insert, literal, null, or_, select, true, update

from core.db import Connection
from core.db.tables import model_calls, runs, users
from core.llm.pricing import Tokens
from core.prices.models import Price
from core.usage.models import (
    CallErrors,
    CallOrigin,
    DayTotals,
    DayUse,
    ModelCall,
    PersonTotals,
    Totals,
)

calls = model_calls.c
Whose = ColumnElement[bool]

# What counts as used: an answered call, or an interrupted one at its upper bound.
_COUNTED = calls.status.in_(("answered", "interrupted"))
_FAILED = calls.status == "failed"

# In the order of ``CallOrigin``'s fields.
_ORIGIN = (
    calls.run_id,
    calls.node_id,
    calls.agent_id,
    calls.user_id,
    calls.department,
    calls.key_id,
    calls.provider,
    calls.model,
    calls.is_pool,
)

# In the order of the fields of ``Totals``.
_SUMS: tuple[Label[Any], ...] = (
    func.count().label("calls"),
    func.coalesce(func.sum(calls.input_tokens), 0).label("input_tokens"),
    func.coalesce(func.sum(calls.output_tokens), 0).label("output_tokens"),
    func.coalesce(func.sum(calls.cost_micros), 0).label("cost_micros"),
    func.coalesce(func.sum(case((calls.cost_micros.is_(None), 1), else_=0)), 0).label("unpriced_calls"),
)


def open_call(
    connection: Connection,
    call_id: str,
    origin: CallOrigin,
    bound_input: int,
    bound_output: int,
    at: datetime,
    price: Price,
) -> None:
    """Write a call down before it is sent, at the price of this moment."""
    connection.execute(
        insert(model_calls).values(
            id=call_id,
            run_id=origin.run_id,
            node_id=origin.node_id,
            agent_id=origin.agent_id,
            workflow_id=select(runs.c.workflow_id).where(runs.c.id == origin.run_id).scalar_subquery(),
            user_id=origin.user_id,
            department=origin.department,
            key_id=origin.key_id,
            provider=origin.provider,
            model=origin.model,
            is_pool=origin.is_pool,
            status="open",
            bound_input_tokens=bound_input,
            bound_output_tokens=bound_output,
            started_at=at,
            price=price.stored() or null(),
            price_version=price.version,
        )
    )


def price_of_call(connection: Connection, call_id: str) -> tuple[Price | None, Tokens]:
    """Return the price a call was sent at, and the most it can use; None: it is older than prices in the books."""
    row = connection.execute(
        select(calls.price, calls.price_version, calls.bound_input_tokens, calls.bound_output_tokens).where(
            calls.id == call_id
        )
    ).one()
    price = Price.of_stored(row.price, row.price_version) if row.price_version else None
    return price, Tokens(row.bound_input_tokens, row.bound_output_tokens)


def settle(
    connection: Connection, call_id: str, *, at_bound: bool, price: Price | None, **values: Any
) -> tuple[CallOrigin, datetime] | None:
    """Close an open call; return whose it was and when it was sent, or None when it was closed already.

    ``price`` is what it was billed with; ``at_bound`` books the tokens it could use at most.
    """
    values["price"] = (price.stored() if price else None) or null()
    if at_bound:
        values |= {"input_tokens": calls.bound_input_tokens, "output_tokens": calls.bound_output_tokens}
    row = connection.execute(
        update(model_calls)
        .where(calls.id == call_id, calls.status == "open")
        .values(**values)
        .returning(*_ORIGIN, calls.started_at)
    ).first()
    return (CallOrigin(*row[:-1]), row.started_at) if row else None


def open_calls(connection: Connection, run_id: str, node_id: str) -> list[tuple[str, CallOrigin, Tokens]]:
    """Return the calls of a node that were sent and never settled, with the most they can have used."""
    rows = connection.execute(
        select(calls.id, calls.bound_input_tokens, calls.bound_output_tokens, *_ORIGIN).where(
            calls.run_id == run_id, calls.node_id == node_id, calls.status == "open"
        )
    )
    return [(row.id, CallOrigin(*row[3:]), Tokens(row.bound_input_tokens, row.bound_output_tokens)) for row in rows]


def totals_of_runs(connection: Connection, run_ids: Sequence[str]) -> dict[str, Totals]:
    """Return the sums per run, with those of the runs that its nodes have started."""
    own = select(runs.c.id.label("top"), runs.c.id).where(runs.c.id.in_(run_ids)).cte("family", recursive=True)
    family = own.union_all(select(own.c.top, runs.c.id).join(own, runs.c.parent_run_id == own.c.id))
    rows = connection.execute(
        select(family.c.top, *_SUMS)
        .select_from(family)
        .join(model_calls, calls.run_id == family.c.id)
        .where(_COUNTED)
        .group_by(family.c.top)
    )
    return {row.top: _totals(row) for row in rows}


def was_answered_since(connection: Connection, key_id: str, since: datetime) -> bool:
    """Whether a call that was sent with a key since a moment was answered."""
    found = select(calls.id).where(calls.key_id == key_id, calls.started_at > since, calls.status == "answered")
    return connection.execute(found.limit(1)).first() is not None


def of_person(user_id: str) -> Whose:
    """Return the condition for one person's calls."""
    return calls.user_id == user_id


def of_department(slug: str) -> Whose:
    """Return the condition for the calls that a department pays."""
    return calls.department == slug


def of_everybody() -> Whose:
    """Return the condition that every call meets."""
    return true()


def totals(connection: Connection, whose: Whose, since: datetime, until: datetime) -> Totals:
    """Return the sums of calls in ``[since, until)``."""
    return _totals(connection.execute(select(*_SUMS).where(whose, *_window(since, until))).one())


def by_person(connection: Connection, whose: Whose, since: datetime, until: datetime) -> list[PersonTotals]:
    """Return the sums per person, who spent most first."""
    sums = select(calls.user_id, *_SUMS).where(whose, *_window(since, until)).group_by(calls.user_id).subquery()
    rows = connection.execute(
        select(users.c.name, users.c.email, sums)
        .join(users, users.c.id == sums.c.user_id)
        .order_by(sums.c.cost_micros.desc(), sums.c.calls.desc(), users.c.email)
    )
    return [PersonTotals(row.name, row.email, _totals(row)) for row in rows]


def by_day_and_model(connection: Connection, whose: Whose, since: datetime, until: datetime) -> list[DayTotals]:
    """Return the sums per day (UTC) and model, by day."""
    day = _day(connection)
    rows = connection.execute(
        select(day.label("day"), calls.model, *_SUMS)
        .where(whose, *_window(since, until))
        .group_by(day, calls.model)
        .order_by(day, calls.model)
    )
    return [DayTotals(_as_date(row.day), row.model, _totals(row)) for row in rows]


def by_column(
    connection: Connection, column: str, whose: Whose, since: datetime, until: datetime
) -> list[tuple[str, Totals]]:
    """Return the sums per value of a column; without ``column`` of everything."""
    group: ColumnElement[Any] = literal("")
    if column:
        group = _day(connection) if column == "day" else func.coalesce(calls[column], "")
    sums = select(group.label("name"), *_SUMS).where(whose, *_window(since, until))
    # Without rows there is still one of sums when nothing is told apart.
    rows = connection.execute(sums.group_by(group) if column else sums.having(func.count() > 0))
    return [(str(row.name), _totals(row)) for row in rows]


def by_key_and_day(
    connection: Connection, key_ids: Collection[str], since: datetime, user_id: str | None
) -> dict[str, list[DayUse]]:
    """Return the use of keys per day (UTC) since a moment, by day; with ``user_id`` of one person only."""
    day = _day(connection)
    rows = connection.execute(
        select(
            calls.key_id,
            day.label("day"),
            func.count().filter(_COUNTED).label("calls"),
            *(
                func.coalesce(func.sum(column).filter(_COUNTED), 0).label(column.name)
                for column in (calls.input_tokens, calls.output_tokens, calls.cost_micros)
            ),
            func.count().filter(_COUNTED, calls.cost_micros.is_(None)).label("unpriced_calls"),
            func.count().filter(_FAILED).label("failed"),
            func.max(calls.started_at).label("last_at"),
            func.max(calls.started_at).filter(calls.status == "answered").label("last_answered_at"),
        )
        .where(*_of_keys(key_ids, since, user_id))
        .group_by(calls.key_id, day)
        .order_by(day)
    )
    found: dict[str, list[DayUse]] = {}
    for row in rows:
        use = DayUse(_as_date(row.day), _totals(row), row.failed, row.last_at, row.last_answered_at)
        found.setdefault(row.key_id, []).append(use)
    return found


def errors_by_key(
    connection: Connection, key_ids: Collection[str], since: datetime, user_id: str | None
) -> dict[str, list[CallErrors]]:
    """Return how the calls of keys failed since a moment, the most frequent error first."""
    rows = connection.execute(
        select(calls.key_id, calls.error_code, func.count(), func.max(calls.started_at))
        .where(*_of_keys(key_ids, since, user_id), _FAILED)
        .group_by(calls.key_id, calls.error_code)
    )
    found: dict[str, list[CallErrors]] = {}
    for key_id, code, count, last_at in rows:
        found.setdefault(key_id, []).append(CallErrors(code or "", count, last_at))
    return {key_id: sorted(errors, key=lambda e: (-e.count, e.code)) for key_id, errors in found.items()}


def recent_calls(
    connection: Connection,
    user_id: str,
    since: datetime,
    until: datetime,
    limit: int,
    after: tuple[datetime, str] | None,
) -> list[ModelCall]:
    """Return a person's calls, newest first, whatever became of them; ``after`` is the last that was given."""
    place: ColumnElement[bool] = true()
    if after is not None:
        at, call_id = after
        place = or_(calls.started_at < at, and_(calls.started_at == at, calls.id < call_id))
    rows = connection.execute(
        select(model_calls)
        .where(calls.user_id == user_id, calls.started_at >= since, calls.started_at < until, place)
        .order_by(calls.started_at.desc(), calls.id.desc())
        .limit(limit)
    )
    return [_call(row) for row in rows]


def calls_of_run(connection: Connection, run_id: str) -> list[ModelCall]:
    """Return every call of a run in the order of sending."""
    rows = connection.execute(
        select(model_calls).where(calls.run_id == run_id).order_by(calls.started_at, calls.id)
    )
    return [_call(row) for row in rows]


def _window(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    return (calls.started_at >= since, calls.started_at < until, _COUNTED)


def _of_keys(key_ids: Collection[str], since: datetime, user_id: str | None) -> tuple[ColumnElement[bool], ...]:
    whose = () if user_id is None else (calls.user_id == user_id,)
    return (calls.key_id.in_(key_ids), calls.started_at >= since, *whose)


def _day(connection: Connection) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.date(func.timezone("UTC", calls.started_at))
    return func.date(calls.started_at)


def _totals(row: Any) -> Totals:
    return Totals(*(int(getattr(row, column.name)) for column in _SUMS))


def _as_date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _call(row: Any) -> ModelCall:
    return ModelCall(
        id=row.id,
        run_id=row.run_id,
        node_id=row.node_id,
        provider=row.provider,
        model=row.model,
        status=row.status,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=row.cached_tokens,
        cost_micros=row.cost_micros,
        price_version=row.price_version,
        price=Price.of_stored(row.price, row.price_version or ""),
        error_code=row.error_code,
        started_at=row.started_at,
        duration_ms=row.duration_ms,
    )
