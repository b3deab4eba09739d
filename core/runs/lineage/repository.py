"""The SQL of runs that others have started: firings, and nodes of other runs."""

from __future__ import annotations

from sqlalchemy import select

from core.db import Connection
from core.db.tables import runs
from core.runs.models import WENT_WRONG, Parent


def started_for(connection: Connection, source_id: str | None, parent: Parent | None) -> str | None:
    """Return the id of the run that a firing or a node has; of a node not one that went wrong: it may try again."""
    query = select(runs.c.id)
    if source_id is not None:
        query = query.where(runs.c.source_id == source_id)
    elif parent is not None:
        query = query.where(
            runs.c.parent_run_id == parent.run_id,
            runs.c.parent_node_id == parent.node_id,
            runs.c.parent_item == parent.item,
            runs.c.status.not_in(WENT_WRONG),
        )
    else:
        return None
    return connection.execute(query.order_by(runs.c.created_at.desc()).limit(1)).scalar()


def lock(connection: Connection, run_id: str) -> None:
    """Let nobody else start a run for a node of this one until the transaction ends."""
    connection.execute(select(runs.c.id).where(runs.c.id == run_id).with_for_update())


def depth_of(connection: Connection, run_id: str) -> int:
    """Return how many runs deep a run is: 1 for one that no other has started."""
    own = select(runs.c.id, runs.c.parent_run_id).where(runs.c.id == run_id).cte("above", recursive=True)
    above = own.union_all(select(runs.c.id, runs.c.parent_run_id).join(own, own.c.parent_run_id == runs.c.id))
    return len(connection.execute(select(above.c.id)).all())
