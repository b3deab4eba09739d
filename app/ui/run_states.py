"""How the nodes of a run stand, in words and figures for people. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from app.ui import canvas, formats
from core.engine.graph import Graph
from core.runs.nodes.models import NODE, NodeState
from core.usage.models import Totals

PENDING = "pending"
LABELS: Mapping[str, tuple[str, str, formats.Colour]] = {
    PENDING: ("Pending", ":material/schedule:", "gray"),
    "running": ("Running", ":material/progress_activity:", "blue"),
    "waiting": ("Waiting", ":material/hourglass_empty:", "orange"),
    "succeeded": ("Succeeded", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "skipped": ("Skipped", ":material/redo:", "gray"),
    "cancelled": ("Cancelled", ":material/cancel:", "gray"),
    "in_doubt": ("In doubt", ":material/help:", "violet"),
}
# What somebody who opens a run most likely wants to see, first.
_TELLING = ("in_doubt", "failed", "waiting", "running")
_ROUNDS_OVER = frozenset({"succeeded", "failed"})


def of_nodes(states: Sequence[NodeState]) -> dict[str, NodeState]:
    """Return the states of the nodes themselves, by id."""
    return {state.node_id: state for state in states if state.item == NODE}


def rounds_of(states: Sequence[NodeState], node_id: str) -> list[NodeState]:
    """Return the states of a node's rounds, in order."""
    found = [state for state in states if state.node_id == node_id and state.item != NODE]
    return sorted(found, key=lambda state: state.item)


def status_of(node_id: str, states: Sequence[NodeState]) -> str:
    """Return how a node stands; a round in doubt says so for its node."""
    own = of_nodes(states).get(node_id)
    if any(state.status == "in_doubt" for state in rounds_of(states, node_id)):
        return "in_doubt"
    return own.status if own else PENDING


def seconds(state: NodeState, now: datetime) -> float | None:
    """Return how long a node has worked and waited; None when it did neither."""
    if state.started_at is None or state.is_cached or state.status == "skipped":
        return None
    return max(0.0, ((state.ended_at or now) - state.started_at).total_seconds())


def on_canvas(
    graph: Graph, states: Sequence[NodeState], totals: Mapping[str, Totals], now: datetime
) -> dict[str, canvas.NodeState]:
    """Return how each node is drawn on the canvas, by its id."""
    own, found = of_nodes(states), {}
    for node in graph.nodes:
        state, used = own.get(node.id), totals.get(node.id, Totals())
        took = seconds(state, now) if state else None
        found[node.id] = canvas.NodeState(
            status=status_of(node.id, states),
            cost=formats.cost(used) if used.calls else "",
            duration=formats.duration(took) if took is not None else "",
            note=_rounds(rounds_of(states, node.id)),
            is_cached=bool(state and state.is_cached),
        )
    return found


def telling(graph: Graph, states: Sequence[NodeState]) -> str:
    """Return the node to show first: one that needs somebody, has failed or works; else the last that is over."""
    by_status = {status_of(node.id, states): node.id for node in reversed(graph.nodes)}
    for status in _TELLING:
        if status in by_status:
            return by_status[status]
    over = [state for state in states if state.item == NODE and state.status == "succeeded"]
    known = [state.node_id for state in over if state.node_id in graph.by_id]
    return known[-1] if known else graph.nodes[0].id


def _rounds(rounds: Sequence[NodeState]) -> str:
    if not rounds:
        return ""
    over = sum(state.status in _ROUNDS_OVER for state in rounds)
    return f"{over} of {len(rounds)} rounds"
