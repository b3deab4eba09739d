"""The SQL of schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update

from core.db import Connection
from core.db.tables import schedules, users, workflows
from core.schedules.models import Schedule, ScheduleDraft

_s = schedules.c


def insert_schedule(connection: Connection, schedule: Schedule) -> None:
    """Add a schedule."""
    connection.execute(
        insert(schedules).values(
            id=schedule.id,
            workflow_id=schedule.workflow_id,
            owner_id=schedule.owner_id,
            next_at=schedule.next_at,
            created_at=schedule.created_at,
            updated_at=schedule.created_at,
            **values_of(schedule.draft),
        )
    )


def values_of(draft: ScheduleDraft) -> dict[str, Any]:
    """Return what somebody has entered as columns."""
    return {
        "name": draft.name,
        "cron": draft.cron,
        "timezone": draft.timezone,
        "inputs": dict(draft.inputs),
        "budget_micros": draft.budget_micros,
        "missed": draft.missed,
        "stop_after_failures": draft.stop_after_failures,
    }


def lock(connection: Connection, schedule_id: str) -> None:
    """Let nobody else change a schedule until this transaction ends."""
    connection.execute(select(_s.id).where(_s.id == schedule_id).with_for_update())


def schedule(connection: Connection, schedule_id: str) -> Schedule | None:
    """Return one schedule."""
    row = connection.execute(_chosen().where(_s.id == schedule_id)).first()
    return _schedule(row) if row else None


def schedules_of(connection: Connection, workflow_id: str | None, owner_id: str | None) -> list[Schedule]:
    """Return the schedules of a workflow, of a person, or of both, newest first."""
    query = _chosen()
    if workflow_id is not None:
        query = query.where(_s.workflow_id == workflow_id)
    if owner_id is not None:
        query = query.where(_s.owner_id == owner_id)
    rows = connection.execute(query.order_by(_s.created_at.desc(), _s.id.desc()))
    return [_schedule(row) for row in rows]


def count_of(connection: Connection, workflow_id: str) -> int:
    """Return how many schedules a workflow has."""
    query = select(func.count()).select_from(schedules)
    return int(connection.execute(query.where(_s.workflow_id == workflow_id, _s.deleted_at.is_(None))).scalar_one())


def change(connection: Connection, schedule_id: str, revision: int | None = None, **values: Any) -> bool:
    """Set values on a schedule, if it is still at a revision; False when it is not, or gone."""
    query = update(schedules).where(_s.id == schedule_id, _s.deleted_at.is_(None))
    if revision is not None:
        query = query.where(_s.revision == revision)
    return connection.execute(query.values(revision=_s.revision + 1, **values)).rowcount == 1


def due(connection: Connection, at: datetime, limit: int) -> list[Schedule]:
    """Return the schedules that are due, those that wait longest first; those of archived workflows rest."""
    is_due = (_s.next_at <= at, workflows.c.archived_at.is_(None))
    rows = connection.execute(_chosen().where(*is_due).order_by(_s.next_at).limit(limit))
    return [_schedule(row) for row in rows]


def move_on(connection: Connection, schedule_id: str, due_at: datetime, next_at: datetime | None) -> bool:
    """Let a schedule wait for its next time; False when somebody else has done so."""
    done = connection.execute(
        update(schedules).where(_s.id == schedule_id, _s.next_at == due_at).values(next_at=next_at)
    )
    return done.rowcount == 1


def next_due_at(connection: Connection) -> datetime | None:
    """Return when the next schedule is due."""
    is_at_work = (_s.deleted_at.is_(None), workflows.c.deleted_at.is_(None), workflows.c.archived_at.is_(None))
    query = select(func.min(_s.next_at)).join(workflows, workflows.c.id == _s.workflow_id).where(*is_at_work)
    found: datetime | None = connection.execute(query).scalar()
    return found


def _chosen() -> Select[Any]:
    return (
        select(schedules, workflows.c.name.label("workflow_name"), users.c.name.label("owner_name"))
        .join(workflows, workflows.c.id == _s.workflow_id)
        .join(users, users.c.id == _s.owner_id)
        .where(_s.deleted_at.is_(None), workflows.c.deleted_at.is_(None))
    )


def _schedule(row: Any) -> Schedule:
    return Schedule(
        id=row.id,
        workflow_id=row.workflow_id,
        workflow_name=row.workflow_name,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        draft=ScheduleDraft(
            row.name,
            row.cron,
            row.timezone,
            row.inputs,
            row.budget_micros,
            row.missed,
            row.stop_after_failures,
        ),
        failures_in_row=row.failures_in_row,
        paused_at=row.paused_at,
        stopped_at=row.stopped_at,
        next_at=row.next_at,
        revision=row.revision,
        created_at=row.created_at,
    )
