"""The SQL of runs, their events and the workers that execute them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, func, insert, or_, select, update

from core.db import Connection
from core.db.tables import run_events, runs, workers
from core.db.upsert import upsert
from core.keys.models import Dependent
from core.runs.models import Backlog, Head, Parent, Run, RunError, RunEvent, RunFilter, RunPage, RunTask, WorkerInfo
from core.runs.start import key_ids_in

_ACTIVE = ("queued", "running", "waiting")
# A list needs no graphs, and they are long.
_COLUMNS = tuple(column for column in runs.c if column.name != "graph")
# A page of long texts ends early: it is held in memory as a whole.
PAGE_CHARACTERS = 4_000_000


def insert_run(connection: Connection, run: Run, graph: Mapping[str, Any]) -> bool:
    """Add a queued run; False when its source has one already."""
    added = connection.execute(
        upsert(connection, runs)
        .values(
            id=run.id,
            owner_id=run.owner_id,
            agent_id=run.agent_id,
            department=run.department,
            title=run.title,
            graph=dict(graph),
            inputs=dict(run.inputs),
            status=run.status,
            created_at=run.created_at,
            workflow_id=run.workflow_id,
            workflow_version=run.workflow_version,
            origin_run_id=run.origin_run_id,
            is_test=run.is_test,
            source_id=run.source_id,
            **_parent_columns(run.parent),
        )
        .on_conflict_do_nothing(index_elements=["source_id"])
        # Asked for what it wrote: the number of rows is not known on PostgreSQL.
        .returning(runs.c.id)
    )
    return added.first() is not None


def run_of(connection: Connection, owner_id: str, run_id: str, *, or_shared: bool = False) -> Run | None:
    """Return one of a person's runs; with ``or_shared`` also anybody's that is shared by its link."""
    may = runs.c.owner_id == owner_id
    may = or_(may, runs.c.shared_at.is_not(None)) if or_shared else may
    row = connection.execute(select(runs).where(runs.c.id == run_id, may)).first()
    return _run(row) if row else None


def runs_by_id(connection: Connection, run_ids: Collection[str]) -> list[Run]:
    """Return these runs, the oldest first, whosever they are."""
    rows = connection.execute(
        select(*_COLUMNS).where(runs.c.id.in_(run_ids)).order_by(runs.c.created_at, runs.c.id)
    )
    return [_run(row) for row in rows]


def runs_of(connection: Connection, owner_id: str, agent_id: str | None, limit: int) -> list[Run]:
    """Return a person's runs, newest first."""
    query = select(runs).where(runs.c.owner_id == owner_id)
    if agent_id:
        query = query.where(runs.c.agent_id == agent_id)
    rows = connection.execute(query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit))
    return [_run(row) for row in rows]


def page(
    connection: Connection, owner_id: str, wanted: RunFilter, before: tuple[datetime, str] | None, limit: int
) -> RunPage:
    """Return a person's runs, newest first, from the one after ``before`` on (when it was made, and its id)."""
    query = select(*_COLUMNS).where(runs.c.owner_id == owner_id)
    if wanted.statuses:
        query = query.where(runs.c.status.in_(wanted.statuses))
    if wanted.agent_id is not None:
        query = query.where(runs.c.agent_id == wanted.agent_id)
    if wanted.workflow_id is not None:
        query = query.where(runs.c.workflow_id == wanted.workflow_id)
    if wanted.created_after is not None:
        query = query.where(runs.c.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        query = query.where(runs.c.created_at < wanted.created_before)
    if before is not None:
        at, run_id = before
        is_older = or_(runs.c.created_at < at, and_(runs.c.created_at == at, runs.c.id < run_id))
        # The first half alone can use the index.
        query = query.where(runs.c.created_at <= at, is_older)
    query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit + 1)
    found: list[Run] = []
    characters = 0
    with connection.execute(query, execution_options={"yield_per": 20}) as rows:
        for row in rows:
            if len(found) == limit or characters >= PAGE_CHARACTERS:
                return RunPage(tuple(found), has_more=True)
            found.append(_run(row))
            characters += sum(map(_length, (row.output or "", row.outputs, *row.inputs.values())))
    return RunPage(tuple(found), has_more=False)


def heads(connection: Connection, run_ids: Collection[str]) -> dict[str, Head]:
    """Return how far runs have come, by id."""
    last = select(func.max(run_events.c.seq)).where(run_events.c.run_id == runs.c.id).scalar_subquery()
    rows = connection.execute(
        select(runs.c.id, runs.c.status, func.coalesce(last, 0).label("last_seq")).where(runs.c.id.in_(run_ids))
    )
    return {row.id: Head(row.status, row.last_seq) for row in rows}


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


def set_shared(connection: Connection, run_id: str, at: datetime | None) -> None:
    """Note since when a run is shared by its link; None: it is not."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(shared_at=at))


def ask_to_stop(connection: Connection, run_id: str, at: datetime) -> None:
    """Note that a run which works should stop; the first wish counts."""
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.status == "running", runs.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=at)
    )


def last_succeeded(connection: Connection, agent_id: str, limit: int) -> list[str]:
    """Return the ids of an agent's last runs that succeeded, whoever started them."""
    return _last(connection, limit, runs.c.agent_id == agent_id)


def last_of_workflow(connection: Connection, workflow_id: str, limit: int) -> list[str]:
    """Return the ids of a workflow's last runs that succeeded, tests left out, whoever started them."""
    return _last(connection, limit, runs.c.workflow_id == workflow_id, runs.c.is_test.is_(False))


def any_at_work(connection: Connection) -> bool:
    """Whether some run is queued or running."""
    return bool(connection.execute(select(exists().where(runs.c.status.in_(("queued", "running"))))).scalar())


def active_of(connection: Connection, owner_id: str) -> list[str]:
    """Return the ids of a person's runs that have not ended."""
    rows = connection.execute(select(runs.c.id).where(runs.c.owner_id == owner_id, runs.c.status.in_(_ACTIVE)))
    return [row.id for row in rows]


def active_on_key(connection: Connection, key_id: str) -> list[Dependent]:
    """Return the runs that wait or work and have an agent on this key, oldest first."""
    rows = connection.execute(
        select(runs.c.id, runs.c.title, runs.c.owner_id, runs.c.graph)
        .where(runs.c.status.in_(_ACTIVE), cast(runs.c.graph, Text).contains(key_id, autoescape=True))
        .order_by(runs.c.created_at, runs.c.id)
    )
    return [
        Dependent("run", row.id, row.title, key_id, row.owner_id) for row in rows if key_id in key_ids_in(row.graph)
    ]


def backlog(connection: Connection) -> Backlog:
    """Return how many runs wait and work."""
    row = connection.execute(
        select(
            func.count().filter(runs.c.status == "queued").label("queued"),
            func.count().filter(runs.c.status == "running").label("running"),
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


def _last(connection: Connection, limit: int, *wanted: ColumnElement[bool]) -> list[str]:
    query = select(runs.c.id).where(*wanted, runs.c.status == "succeeded")
    return list(connection.execute(query.order_by(runs.c.created_at.desc()).limit(limit)).scalars())


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))


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
        workflow_id=row.workflow_id,
        workflow_version=row.workflow_version,
        segment=row.segment,
        wake_at=row.wake_at,
        origin_run_id=row.origin_run_id,
        is_test=row.is_test,
        parent=Parent(row.parent_run_id, row.parent_node_id, row.parent_item) if row.parent_run_id else None,
        source_id=row.source_id,
        outputs=row.outputs,
        shared_at=row.shared_at,
    )


def _parent_columns(parent: Parent | None) -> dict[str, Any]:
    if parent is None:
        return {}
    return {"parent_run_id": parent.run_id, "parent_node_id": parent.node_id, "parent_item": parent.item}
