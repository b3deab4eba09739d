"""The SQL of turns: which runs wait, which have begun, and for whom they count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, text, update

from core.db import Connection
from core.db.tables import runs, users, workers
from core.runs.start import key_ids_in
from core.turns.fairness import Load, Subject, Turn, Waiting

# Any number, the same in every process: one chooses at a time whose run is next.
ADVISORY_LOCK = 96277
_WAITS = (runs.c.status == "queued", runs.c.enqueued_at.is_(None))
# A run that waits for a person or a moment holds no place.
_HAS_BEGUN = or_(
    runs.c.status == "running",
    and_(runs.c.status == "queued", runs.c.enqueued_at.is_not(None)),
)
# Who pays: the person's department, or the agent's for a person without one.
_DEPARTMENT = func.coalesce(users.c.department, runs.c.department)


def one_chooses(connection: Connection) -> None:
    """Let nobody else choose until this transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def any_waiting(connection: Connection) -> bool:
    """Whether some run has not been let begin."""
    return bool(connection.execute(select(exists().where(*_WAITS))).scalar())


def free_places(connection: Connection, since: datetime, *, sum_up: bool) -> int:
    """Return how many more runs the workers that were heard since a moment can execute, or the largest of them."""
    of_all = func.sum if sum_up else func.max
    heard = (workers.c.heartbeat_at > since, workers.c.stopped_at.is_(None))
    places = select(func.coalesce(of_all(workers.c.slots), 0)).where(*heard).scalar_subquery()
    begun = select(func.count()).select_from(runs).where(_HAS_BEGUN).scalar_subquery()
    return int(connection.execute(select(places - begun)).scalar_one())


def waiting(connection: Connection, per_person: int, *, of_keys: bool, run_id: str | None = None) -> list[Waiting]:
    """Return the oldest waiting runs of each person, or one run if it waits; with their keys if told."""
    number = func.row_number().over(partition_by=runs.c.owner_id, order_by=(runs.c.created_at, runs.c.id))
    query = _whose(of_keys, runs.c.id, runs.c.created_at, number.label("number")).where(*_WAITS)
    lines = (query if run_id is None else query.where(runs.c.id == run_id)).subquery()
    rows = connection.execute(
        select(lines).where(lines.c.number <= per_person).order_by(lines.c.owner_id, lines.c.number)
    )
    return [
        Waiting(row.id, row.owner_id, row.department, row.created_at, _keys(row) if of_keys else frozenset())
        for row in rows
    ]


def load(connection: Connection, *, of_keys: bool) -> Load:
    """Return what works, by whom it counts for, and when those who wait had their last turn."""
    working: Counter[Subject] = Counter()
    for row in connection.execute(_whose(of_keys, runs.c.id, runs.c.created_at).where(_HAS_BEGUN)):
        keys = _keys(row) if of_keys else frozenset()
        working.update(Waiting(row.id, row.owner_id, row.department, row.created_at, keys).subjects)
    who = select(runs.c.owner_id).where(*_WAITS).distinct().subquery()
    mine = runs.alias()
    last = select(func.max(mine.c.enqueued_at)).where(mine.c.owner_id == who.c.owner_id).scalar_subquery()
    turns = {row.owner_id: row.at for row in connection.execute(select(who.c.owner_id, last.label("at")))}
    return Load(working, turns)


def waiting_counts(connection: Connection) -> dict[str, int]:
    """Return how many runs of each person wait."""
    rows = connection.execute(
        select(runs.c.owner_id, func.count().label("waiting")).where(*_WAITS).group_by(runs.c.owner_id)
    )
    return {row.owner_id: row.waiting for row in rows}


def waiting_before(connection: Connection, owner_id: str, created_at: datetime, run_id: str) -> int:
    """Return how many of a person's runs were queued before one and wait."""
    earlier = or_(runs.c.created_at < created_at, and_(runs.c.created_at == created_at, runs.c.id < run_id))
    query = select(func.count()).select_from(runs).where(*_WAITS, runs.c.owner_id == owner_id, earlier)
    return int(connection.execute(query).scalar_one())


def note_enqueued(connection: Connection, run_ids: Sequence[str], at: datetime) -> list[Turn]:
    """Let waiting runs begin, one after the other; return those that were still waiting."""
    turns = []
    for number, run_id in enumerate(run_ids):
        row = connection.execute(
            update(runs)
            .where(runs.c.id == run_id, *_WAITS)
            .values(enqueued_at=at + timedelta(microseconds=number))
            .returning(runs.c.owner_id, runs.c.segment)
        ).first()
        if row is not None:
            turns.append(Turn(run_id, row.owner_id, row.segment))
    return turns


def note_given(connection: Connection, run_ids: Sequence[str], at: datetime) -> None:
    """Remember when the queue was told of runs that still stand in it."""
    connection.execute(update(runs).where(runs.c.id.in_(run_ids), runs.c.status == "queued").values(enqueued_at=at))


def not_begun(connection: Connection, before: datetime) -> list[Turn]:
    """Return the runs that were let begin before a moment and still stand in the queue."""
    rows = connection.execute(
        select(runs.c.id, runs.c.owner_id, runs.c.segment).where(
            runs.c.status == "queued", runs.c.enqueued_at < before
        )
    )
    return [Turn(row.id, row.owner_id, row.segment) for row in rows]


def _whose(of_keys: bool, *columns: Any) -> Select[Any]:
    graph = [runs.c.graph] if of_keys else []
    query = select(runs.c.owner_id, _DEPARTMENT.label("department"), *columns, *graph)
    return query.join(users, users.c.id == runs.c.owner_id)


def _keys(row: Any) -> frozenset[str]:
    return key_ids_in(row.graph)
