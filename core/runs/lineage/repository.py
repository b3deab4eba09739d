"""The SQL of runs that others have started: firings, and nodes of other runs."""

from __future__ import annotations

from dataclasses import astuple
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select

from core.db import Connection
from core.db.tables import firings, runs, schedules, triggers, users
from core.runs.lineage.models import Source
from core.runs.models import ACTIVE, WENT_WRONG, Parent


def started_for(connection: Connection, source_id: str | None, parent: Parent | None) -> str | None:
    """Return the id of the run that a firing or a node has; of a node not one that went wrong: it may try again."""
    query = select(runs.c.id)
    if source_id is not None:
        query = query.where(runs.c.source_id == source_id)
    elif parent is not None:
        query = query.where(*_of(parent), runs.c.status.not_in(WENT_WRONG))
    else:
        return None
    return connection.execute(query.order_by(runs.c.created_at.desc()).limit(1)).scalar()


def inside(connection: Connection, parent: Parent, since: datetime | None) -> str | None:
    """Return the id of the newest run of a node; one that went wrong counts if it was made since a moment."""
    counts = runs.c.status.not_in(WENT_WRONG)
    query = select(runs.c.id).where(
        *_of(parent), counts if since is None else or_(counts, runs.c.created_at >= since)
    )
    return connection.execute(query.order_by(runs.c.created_at.desc()).limit(1)).scalar()


def newest_inside(connection: Connection, parent: Parent) -> str | None:
    """Return the id of the newest run of a node, whatever became of it."""
    query = select(runs.c.id).where(*_of(parent)).order_by(runs.c.created_at.desc()).limit(1)
    return connection.execute(query).scalar()


def active_inside(connection: Connection, run_id: str) -> list[str]:
    """Return the runs that nodes of a run have started, as far as they have not ended."""
    query = select(runs.c.id).where(runs.c.parent_run_id == run_id, runs.c.status.in_(ACTIVE))
    return [row.id for row in connection.execute(query.order_by(runs.c.id))]


def all_inside(connection: Connection, run_id: str) -> list[str]:
    """Return the runs that nodes of a run have started."""
    return list(connection.execute(select(runs.c.id).where(runs.c.parent_run_id == run_id)).scalars())


def owner_name(connection: Connection, owner_id: str) -> str:
    """Return what people call whoever has started a run."""
    return str(connection.execute(select(users.c.name).where(users.c.id == owner_id)).scalar() or "")


def source_of(connection: Connection, firing_id: str) -> Source | None:
    """Return the schedule or trigger that a firing belongs to, deleted ones too; None when nobody remembers it."""
    mine = firings.c.id == firing_id
    by_clock = select(schedules.c.name).join(firings, firings.c.source_id == schedules.c.id).where(mine)
    by_message = select(triggers.c.name).join(firings, firings.c.source_id == triggers.c.id).where(mine)
    if (name := connection.execute(by_clock).scalar()) is not None:
        return Source("schedule", name)
    if (name := connection.execute(by_message).scalar()) is not None:
        return Source("trigger", name)
    return None


def lock_working(connection: Connection, run_id: str) -> bool:
    """Let nobody else start a run for a node of this one until the transaction ends.

    False: it does not work.
    """
    query = select(runs.c.status).where(runs.c.id == run_id).with_for_update()
    return connection.execute(query).scalar() == "running"


def depth_of(connection: Connection, run_id: str) -> int:
    """Return how many runs deep a run is: 1 for one that no other has started."""
    own = select(runs.c.id, runs.c.parent_run_id).where(runs.c.id == run_id).cte("above", recursive=True)
    above = own.union_all(select(runs.c.id, runs.c.parent_run_id).join(own, own.c.parent_run_id == runs.c.id))
    return len(connection.execute(select(above.c.id)).all())


def _of(parent: Parent) -> tuple[ColumnElement[bool], ...]:
    columns = (runs.c.parent_run_id, runs.c.parent_node_id, runs.c.parent_item)
    return tuple(column == value for column, value in zip(columns, astuple(parent), strict=True))
