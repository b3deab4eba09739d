"""The SQL of rate limits: one statement a try."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from core.db import Connection
from core.db.tables import rate_limits
from core.db.upsert import upsert

tat = rate_limits.c.tat_seconds


def take(connection: Connection, key: str, now: float, interval: float, tolerance: float) -> bool:
    """Take one place; False when there is none (GCRA: ``tat`` is the theoretical arrival time)."""
    greater = func.max if connection.dialect.name == "sqlite" else func.greatest
    later = greater(tat, now)
    taken = connection.execute(
        upsert(connection, rate_limits)
        .values(key=key, tat_seconds=now + interval)
        .on_conflict_do_update(
            index_elements=["key"], set_={"tat_seconds": later + interval}, where=later - now <= tolerance
        )
        .returning(tat)
    )
    return taken.first() is not None


def arrival(connection: Connection, key: str) -> float | None:
    """Return the theoretical arrival time of a key."""
    return connection.execute(select(tat).where(rate_limits.c.key == key)).scalar_one_or_none()


def forget(connection: Connection, before: float, limit: int) -> int:
    """Drop rows that say nothing any more; return how many those were, ``limit`` at most."""
    old = select(rate_limits.c.key).where(tat < before).limit(limit)
    return connection.execute(delete(rate_limits).where(rate_limits.c.key.in_(old), tat < before)).rowcount
