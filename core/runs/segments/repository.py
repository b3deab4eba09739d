"""The SQL of a run's segments: guarded changes between queued, running and waiting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select, update

from core.db import Connection
from core.db.tables import runs


def begin(connection: Connection, run_id: str, segment: int, at: datetime) -> bool:
    """Turn a queued run into one that works; False when it does not stand in the queue in this segment."""
    statement = (
        update(runs)
        .where(runs.c.id == run_id, runs.c.status == "queued", runs.c.segment == segment)
        .values(status="running", started_at=func.coalesce(runs.c.started_at, at), wake_at=None)
    )
    return connection.execute(statement).rowcount == 1


def wait(connection: Connection, run_id: str, segment: int, due_at: datetime | None) -> bool:
    """Let a run that works wait; False when something has happened meanwhile, or it should not work any more."""
    statement = (
        update(runs)
        .where(
            runs.c.id == run_id,
            runs.c.status == "running",
            runs.c.segment == segment,
            runs.c.wake_at.is_(None),
            runs.c.cancel_requested_at.is_(None),
        )
        .values(status="waiting", wake_at=due_at)
    )
    return connection.execute(statement).rowcount == 1


def has_heard(connection: Connection, run_id: str) -> bool:
    """Whether something has happened that a run which works has not heard of."""
    query = select(exists().where(runs.c.id == run_id, runs.c.wake_at.is_not(None)))
    return bool(connection.execute(query).scalar())


def hear(connection: Connection, run_id: str, segment: int) -> bool:
    """Return whether something has happened that a run which works waits for; from now on it is heard."""
    statement = (
        update(runs)
        .where(runs.c.id == run_id, runs.c.segment == segment, runs.c.wake_at.is_not(None))
        .where(runs.c.status == "running")
        .values(wake_at=None)
    )
    return connection.execute(statement).rowcount == 1


def is_at_work(connection: Connection, run_id: str, segment: int, *, or_stopping: bool = True) -> bool:
    """Whether a run works in this segment, and nobody changes that before this transaction ends.

    One that was asked to stop works too, unless told otherwise.
    """
    query = select(runs.c.status, runs.c.segment, runs.c.cancel_requested_at).where(runs.c.id == run_id)
    row = connection.execute(query.with_for_update()).first()
    works = row is not None and (row.status, row.segment) == ("running", segment)
    return works and row is not None and (or_stopping or row.cancel_requested_at is None)


def lock(connection: Connection, run_id: str) -> None:
    """Let nobody else change a run or its nodes until this transaction ends."""
    connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())


def wake(connection: Connection, run_id: str, at: datetime) -> bool:
    """Let a waiting run go on in a segment of its own, or note for one that works that something has happened.

    True: it was waiting.
    """
    lock(connection, run_id)  # or it could begin to wait between the two statements, and hear of nothing
    woken = connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.status == "waiting")
        .values(status="queued", segment=runs.c.segment + 1, enqueued_at=None, wake_at=None)
    )
    if woken.rowcount:
        return True
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.status == "running").values(wake_at=at))
    return False


def resume(connection: Connection, run_id: str) -> bool:
    """Put a run that went wrong back into the queue, in a segment of its own; False when it did not."""
    statement = (
        update(runs)
        .where(runs.c.id == run_id, runs.c.status.in_(("failed", "cancelled")))
        .values(
            status="queued",
            segment=runs.c.segment + 1,
            enqueued_at=None,
            wake_at=None,
            ended_at=None,
            cancel_requested_at=None,
            error_code=None,
            error_message=None,
        )
    )
    return connection.execute(statement).rowcount == 1


def due(connection: Connection, at: datetime) -> list[str]:
    """Return the waiting runs that want to go on by now."""
    rows = connection.execute(select(runs.c.id).where(runs.c.wake_at <= at, runs.c.status == "waiting").limit(100))
    return [row.id for row in rows]


def next_wake(connection: Connection) -> datetime | None:
    """Return when the first waiting run goes on by itself."""
    query = select(func.min(runs.c.wake_at)).where(runs.c.status == "waiting", runs.c.wake_at.is_not(None))
    found: datetime | None = connection.execute(query).scalar()
    return found
