"""The SQL of runs, their events and the workers that execute them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, Text, and_, case, cast, exists, func, insert, or_, select, text, update

from core.db import Connection
from core.db.tables import run_events, runs, users, workers
from core.keys.models import Dependent
from core.runs.fairness import Load, Subject, Waiting
from core.runs.models import Backlog, Run, RunError, RunEvent, RunTask, WorkerInfo

_ACTIVE = ("queued", "running", "waiting")
# Any number, the same in every process: one chooses at a time whose run is next.
ADVISORY_LOCK = 96277
_WAITS = (runs.c.status == "queued", runs.c.enqueued_at.is_(None))
_HAS_BEGUN = or_(
    runs.c.status.in_(("running", "waiting")),
    and_(runs.c.status == "queued", runs.c.enqueued_at.is_not(None)),
)
# Who pays: the person's department, or the agent's for a person without one.
_DEPARTMENT = func.coalesce(users.c.department, runs.c.department)


def insert_run(connection: Connection, run: Run, graph: Mapping[str, Any]) -> None:
    """Add a queued run."""
    connection.execute(
        insert(runs).values(
            id=run.id,
            owner_id=run.owner_id,
            agent_id=run.agent_id,
            department=run.department,
            title=run.title,
            graph=dict(graph),
            inputs=dict(run.inputs),
            status=run.status,
            created_at=run.created_at,
        )
    )


def run_of(connection: Connection, owner_id: str, run_id: str) -> Run | None:
    """Return one of a person's runs."""
    row = connection.execute(select(runs).where(runs.c.id == run_id, runs.c.owner_id == owner_id)).first()
    return _run(row) if row else None


def runs_of(connection: Connection, owner_id: str, agent_id: str | None, limit: int) -> list[Run]:
    """Return a person's runs, newest first."""
    query = select(runs).where(runs.c.owner_id == owner_id)
    if agent_id:
        query = query.where(runs.c.agent_id == agent_id)
    rows = connection.execute(query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit))
    return [_run(row) for row in rows]


def task(connection: Connection, run_id: str) -> RunTask | None:
    """Return a run with its graph, for the worker."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
    return RunTask(_run(row), row.graph) if row else None


def change_status(connection: Connection, run_id: str, wanted: Collection[str], **values: Any) -> bool:
    """Set values on a run that is in one of the ``wanted`` states; False when it is not."""
    return (
        connection.execute(
            update(runs).where(runs.c.id == run_id, runs.c.status.in_(wanted)).values(**values)
        ).rowcount
        == 1
    )


def ask_to_stop(connection: Connection, run_id: str, at: datetime) -> None:
    """Note that a run which works should stop; the first wish counts."""
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.status.in_(("running", "waiting")), runs.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=at)
    )


def last_succeeded(connection: Connection, agent_id: str, limit: int) -> list[str]:
    """Return the ids of an agent's last runs that succeeded, whoever started them."""
    rows = connection.execute(
        select(runs.c.id)
        .where(runs.c.agent_id == agent_id, runs.c.status == "succeeded")
        .order_by(runs.c.created_at.desc())
        .limit(limit)
    )
    return [row.id for row in rows]


def any_active(connection: Connection) -> bool:
    """Whether some run is queued or running."""
    return bool(connection.execute(select(exists().where(runs.c.status.in_(_ACTIVE)))).scalar())


def active_of(connection: Connection, owner_id: str) -> list[str]:
    """Return the ids of a person's runs that are queued or running."""
    rows = connection.execute(select(runs.c.id).where(runs.c.owner_id == owner_id, runs.c.status.in_(_ACTIVE)))
    return [row.id for row in rows]


def active_on_key(connection: Connection, key_id: str) -> list[Dependent]:
    """Return the runs that wait or work and have an agent on this key, oldest first."""
    rows = connection.execute(
        select(runs.c.id, runs.c.title, runs.c.owner_id, runs.c.graph)
        .where(runs.c.status.in_(_ACTIVE), cast(runs.c.graph, Text).contains(key_id, autoescape=True))
        .order_by(runs.c.created_at, runs.c.id)
    )
    return [Dependent("run", row.id, row.title, key_id, row.owner_id) for row in rows if _uses(row.graph, key_id)]


def backlog(connection: Connection) -> Backlog:
    """Return how many runs wait and work."""
    row = connection.execute(
        select(
            func.count().filter(runs.c.status == "queued").label("queued"),
            func.count().filter(runs.c.status != "queued").label("running"),
            func.min(case((runs.c.status == "queued", runs.c.created_at))).label("oldest"),
        ).where(runs.c.status.in_(_ACTIVE))
    ).one()
    return Backlog(row.queued, row.running, row.oldest)


def cancel_requested(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    """Return which of these runs were asked to stop."""
    rows = connection.execute(
        select(runs.c.id).where(runs.c.id.in_(run_ids), runs.c.cancel_requested_at.is_not(None))
    )
    return {row.id for row in rows}


def add_event(
    connection: Connection, run_id: str, at: datetime, kind: str, node_id: str | None, data: Mapping[str, Any]
) -> int:
    """Append an event and return its number. Numbers follow each other without gaps."""
    last = select(func.coalesce(func.max(run_events.c.seq), 0)).where(run_events.c.run_id == run_id)
    # On PostgreSQL two writers of one run would read the same maximum: the run's row is the queue.
    connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())
    seq = int(connection.execute(last).scalar_one()) + 1
    connection.execute(
        insert(run_events).values(run_id=run_id, seq=seq, at=at, kind=kind, node_id=node_id, data=dict(data))
    )
    return seq


def events_after(connection: Connection, run_id: str, after: int, limit: int) -> list[RunEvent]:
    """Return the events with a number greater than ``after``, in order."""
    rows = connection.execute(
        select(run_events)
        .where(run_events.c.run_id == run_id, run_events.c.seq > after)
        .order_by(run_events.c.seq)
        .limit(limit)
    )
    return [RunEvent(row.seq, row.at, row.kind, row.node_id, row.data) for row in rows]


def insert_worker(connection: Connection, worker: WorkerInfo) -> None:
    """Add a worker that has just started."""
    connection.execute(
        insert(workers).values(
            executor_id=worker.executor_id,
            host=worker.host,
            pid=worker.pid,
            is_embedded=worker.is_embedded,
            slots=worker.slots,
            started_at=worker.started_at,
            heartbeat_at=worker.heartbeat_at,
        )
    )


def beat(connection: Connection, executor_id: str, at: datetime) -> None:
    """Note that a worker is alive."""
    connection.execute(update(workers).where(workers.c.executor_id == executor_id).values(heartbeat_at=at))


def stop_worker(connection: Connection, executor_id: str, at: datetime) -> None:
    """Note that a worker has ended, by itself or not."""
    connection.execute(
        update(workers)
        .where(workers.c.executor_id == executor_id, workers.c.stopped_at.is_(None))
        .values(stopped_at=at)
    )


def live_workers(connection: Connection, since: datetime) -> list[WorkerInfo]:
    """Return the workers that were heard since a moment and have not ended."""
    rows = connection.execute(select(workers).where(workers.c.heartbeat_at > since, workers.c.stopped_at.is_(None)))
    return [_worker(row) for row in rows]


# --- whose run is next ------------------------------------------------------------------------------


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


def note_enqueued(connection: Connection, run_ids: Sequence[str], at: datetime) -> dict[str, str]:
    """Let waiting runs begin, one after the other; return the owners of those that were still waiting."""
    owners = {}
    for number, run_id in enumerate(run_ids):
        owner_id = connection.execute(
            update(runs)
            .where(runs.c.id == run_id, *_WAITS)
            .values(enqueued_at=at + timedelta(microseconds=number))
            .returning(runs.c.owner_id)
        ).scalar()
        if owner_id is not None:
            owners[run_id] = owner_id
    return owners


def note_given(connection: Connection, run_ids: Sequence[str], at: datetime) -> None:
    """Remember when the queue was told of runs that still stand in it."""
    connection.execute(update(runs).where(runs.c.id.in_(run_ids), runs.c.status == "queued").values(enqueued_at=at))


def not_begun(connection: Connection, before: datetime) -> list[tuple[str, str]]:
    """Return id and owner of runs that were let begin before a moment and still stand in the queue."""
    rows = connection.execute(
        select(runs.c.id, runs.c.owner_id).where(runs.c.status == "queued", runs.c.enqueued_at < before)
    )
    return [(row.id, row.owner_id) for row in rows]


def _whose(of_keys: bool, *columns: Any) -> Select[Any]:
    graph = [runs.c.graph] if of_keys else []
    query = select(runs.c.owner_id, _DEPARTMENT.label("department"), *columns, *graph)
    return query.join(users, users.c.id == runs.c.owner_id)


def _keys(row: Any) -> frozenset[str]:
    agents = (node.get("agent") or {} for node in row.graph.get("nodes", ()))
    return frozenset(agent["key_id"] for agent in agents if isinstance(agent.get("key_id"), str))


def _uses(graph: Mapping[str, Any], key_id: str) -> bool:
    return any((node.get("agent") or {}).get("key_id") == key_id for node in graph["nodes"])


def _worker(row: Any) -> WorkerInfo:
    return WorkerInfo(
        row.executor_id,
        row.host,
        row.pid,
        row.is_embedded,
        row.started_at,
        row.heartbeat_at,
        row.stopped_at,
        row.slots,
    )


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        owner_id=row.owner_id,
        agent_id=row.agent_id,
        department=row.department,
        title=row.title,
        status=row.status,
        inputs=row.inputs,
        output=row.output,
        error=RunError(row.error_code, row.error_message or "") if row.error_code else None,
        created_at=row.created_at,
        started_at=row.started_at,
        cancel_requested_at=row.cancel_requested_at,
        ended_at=row.ended_at,
    )
