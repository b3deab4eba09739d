"""The SQL of prices, and of who uses which model."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from core.db import Connection
from core.db.tables import agents, keys, model_calls, price_overrides, users
from core.db.upsert import upsert
from core.llm.pricing import OwnPrice
from core.prices.models import ModelInUse, Override

overrides = price_overrides.c
calls = model_calls.c


def insert_override(connection: Connection, override: Override, created_by: str) -> bool:
    """Add an override; False when one of its model and day has not ended."""
    statement = upsert(connection, price_overrides).values(
        id=override.id,
        provider=override.provider,
        model=override.model,
        input_micros_per_million=override.input,
        cached_micros_per_million=override.cached,
        output_micros_per_million=override.output,
        starts_on=override.starts_on,
        note=override.note,
        created_by=created_by,
        created_at=override.created_at,
    )
    added = connection.execute(statement.on_conflict_do_nothing().returning(overrides.id))
    return added.first() is not None


def end_override(connection: Connection, override_id: str, ended_by: str, at: datetime) -> bool:
    """End an override; False when there is none that has not ended."""
    return (
        connection.execute(
            update(price_overrides)
            .where(overrides.id == override_id, overrides.ended_at.is_(None))
            .values(ended_by=ended_by, ended_at=at)
        ).rowcount
        == 1
    )


def override(connection: Connection, override_id: str) -> Override | None:
    """Return one override."""
    return next(iter(_overrides(connection, overrides.id == override_id)), None)


def all_overrides(connection: Connection) -> list[Override]:
    """Return every override, those that begin last first."""
    return _overrides(connection)


def overrides_at(connection: Connection, provider: str, at: datetime) -> list[Override]:
    """Return the overrides of a provider that were in force at a moment: few."""
    return _overrides(
        connection,
        overrides.provider == provider,
        overrides.starts_on <= at.date(),
        overrides.created_at <= at,
        or_(overrides.ended_at.is_(None), overrides.ended_at > at),
    )


def models_in_use(connection: Connection, since: datetime) -> list[ModelInUse]:
    """Return the models of today's agents and of the calls since a moment, apart by the price of their keys."""
    key_price = (keys.c.input_price_micros_per_million, keys.c.output_price_micros_per_million)
    used_by: Counter[tuple[str, str, OwnPrice | None]] = Counter()
    called: Counter[tuple[str, str, OwnPrice | None]] = Counter()
    for row in connection.execute(
        select(keys.c.provider, agents.c.definition, *key_price)
        .join(keys, keys.c.id == agents.c.key_id)
        .where(agents.c.deleted_at.is_(None), keys.c.deleted_at.is_(None))
    ):
        used_by[(row.provider, str(row.definition["model"]), _own_price(row))] += 1
    grouped = (calls.provider, calls.model, *key_price)
    for row in connection.execute(
        select(*grouped, func.count().label("calls"))
        .join(keys, and_(keys.c.id == calls.key_id, keys.c.deleted_at.is_(None)))
        .where(calls.started_at >= since)
        .group_by(*grouped)
    ):
        called[(row.provider, row.model, _own_price(row))] += int(row.calls)
    return [ModelInUse(*use, used_by[use], called[use]) for use in {**used_by, **called}]


def _overrides(connection: Connection, *conditions: Any) -> list[Override]:
    author, ender = users.alias("author"), users.alias("ender")
    rows = connection.execute(
        select(price_overrides, author.c.name.label("author"), ender.c.name.label("ender"))
        .join(author, author.c.id == overrides.created_by)
        .outerjoin(ender, ender.c.id == overrides.ended_by)
        .where(*conditions)
        .order_by(overrides.starts_on.desc(), overrides.created_at.desc(), overrides.id)
    )
    return [
        Override(
            id=row.id,
            provider=row.provider,
            model=row.model,
            input=row.input_micros_per_million,
            cached=row.cached_micros_per_million,
            output=row.output_micros_per_million,
            starts_on=row.starts_on,
            note=row.note,
            created_by=row.author,
            created_at=row.created_at,
            ended_by=row.ender,
            ended_at=row.ended_at,
        )
        for row in rows
    ]


def _own_price(row: Any) -> OwnPrice | None:
    rates = (row.input_price_micros_per_million, row.output_price_micros_per_million)
    return None if None in rates else OwnPrice(*rates)
