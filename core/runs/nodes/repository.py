"""The SQL of what a run remembers of its nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, null, select, update

from core.db import Connection
from core.db.tables import run_nodes
from core.db.upsert import upsert
from core.runs.models import RunError
from core.runs.nodes.models import NODE, NodeState

_nodes = run_nodes.c


def of_run(connection: Connection, run_id: str) -> list[NodeState]:
    """Return what is known of a run's nodes and their rounds."""
    query = (
        select(run_nodes).where(_nodes.run_id == run_id).order_by(_nodes.started_at, _nodes.node_id, _nodes.item)
    )
    return [_state(row) for row in connection.execute(query)]


def of_node(connection: Connection, run_id: str, node_id: str) -> list[NodeState]:
    """Return a node and its rounds, in order."""
    mine = (_nodes.run_id == run_id, _nodes.node_id == node_id)
    return [_state(row) for row in connection.execute(select(run_nodes).where(*mine).order_by(_nodes.item))]


def one(connection: Connection, run_id: str, node_id: str, item: int) -> NodeState | None:
    """Return a node, or one of its rounds; None when it has not begun."""
    row = connection.execute(select(run_nodes).where(_is(run_id, node_id, item))).first()
    return _state(row) if row else None


def start(connection: Connection, run_id: str, node_id: str, item: int, at: datetime) -> bool:
    """Note that a node works; False when it is over, or in doubt. One that waited keeps the moment it began.

    A round that failed is tried again with its node.
    """
    again = ("running", "waiting") if item == NODE else ("running", "waiting", "failed")
    statement = upsert(connection, run_nodes).values(
        run_id=run_id, node_id=node_id, item=item, status="running", started_at=at
    )
    statement = statement.on_conflict_do_update(
        index_elements=["run_id", "node_id", "item"],
        set_={"status": "running", "due_at": None, "error_code": None, "error_message": None, "ended_at": None},
        where=_nodes.status.in_(again),
    )
    return connection.execute(statement.returning(_nodes.item)).first() is not None


def change(
    connection: Connection, run_id: str, node_id: str, item: int, wanted: Collection[str], **values: Any
) -> bool:
    """Set values on a node that is in one of the ``wanted`` states; False when it is not."""
    statement = update(run_nodes).where(_is(run_id, node_id, item), _nodes.status.in_(wanted)).values(**values)
    return connection.execute(statement).rowcount == 1


def add(connection: Connection, run_id: str, states: Iterable[NodeState]) -> None:
    """Write states down for nodes that have none; harmless for others."""
    for state in states:
        connection.execute(
            upsert(connection, run_nodes)
            .values(
                run_id=run_id,
                node_id=state.node_id,
                item=state.item,
                status=state.status,
                branch=state.branch,
                output=state.output,
                error_code=state.error.code if state.error else None,
                error_message=state.error.message if state.error else None,
                attempts=state.attempts,
                started_at=state.started_at,
                ended_at=state.ended_at,
                is_cached=state.is_cached,
            )
            .on_conflict_do_nothing()
        )


def close(connection: Connection, run_id: str, at: datetime) -> None:
    """End what still works or waits, because its run has ended. What may have acted outside stays in doubt."""
    may_have_acted = and_(_nodes.acted_at.is_not(None), _nodes.output.is_(null()))
    connection.execute(
        update(run_nodes)
        .where(_nodes.run_id == run_id, _nodes.status.in_(("running", "waiting")))
        .values(status=case((may_have_acted, "in_doubt"), else_="cancelled"), ended_at=at, due_at=None)
    )


def forget_one(connection: Connection, run_id: str, node_id: str, item: int, wanted: Collection[str]) -> bool:
    """Forget a node that is in one of the ``wanted`` states, so that it begins anew; False when it is not."""
    statement = delete(run_nodes).where(_is(run_id, node_id, item), _nodes.status.in_(wanted))
    return connection.execute(statement).rowcount == 1


def _is(run_id: str, node_id: str, item: int) -> ColumnElement[bool]:
    return and_(_nodes.run_id == run_id, _nodes.node_id == node_id, _nodes.item == item)


def _state(row: Any) -> NodeState:
    return NodeState(
        node_id=row.node_id,
        item=row.item,
        status=row.status,
        branch=row.branch,
        output=row.output,
        error=RunError(row.error_code, row.error_message or "") if row.error_code else None,
        attempts=row.attempts,
        started_at=row.started_at,
        ended_at=row.ended_at,
        due_at=row.due_at,
        acted_at=row.acted_at,
        is_cached=row.is_cached,
    )
