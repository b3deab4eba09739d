"""How the nodes of a run stand, in words and figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.ui import run_states
from core.engine.graph import read_graph
from core.runs.nodes.models import NodeState
from core.usage.models import Totals

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOW = START + timedelta(seconds=90)
KINDS = [{"id": name, "kind": "template", "text": "x"} for name in ("a", "b", "c")]
GRAPH = read_graph({"nodes": KINDS, "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "c"}]})
DONE = NodeState("a", -1, "succeeded", started_at=START, ended_at=START + timedelta(seconds=2))
WORKS = NodeState("b", -1, "running", started_at=START + timedelta(seconds=30))


def test_the_canvas_shows_state_cost_duration_and_rounds() -> None:
    rounds = [replace(WORKS, item=0, status="succeeded"), replace(WORKS, item=1)]
    drawn = run_states.on_canvas(GRAPH, [DONE, WORKS, *rounds], {"b": Totals(2, 10, 5, 4200)}, NOW)
    assert (drawn["a"].status, drawn["a"].cost, drawn["a"].duration) == ("succeeded", "", "2.0 s")
    assert (drawn["b"].status, drawn["b"].cost, drawn["b"].duration) == ("running", "$0.0042", "1 min 0 s")
    assert drawn["b"].note == "1 of 2 rounds"
    assert drawn["c"].status == "pending"


def test_a_result_that_was_taken_over_took_no_time() -> None:
    drawn = run_states.on_canvas(GRAPH, [replace(DONE, is_cached=True)], {}, NOW)
    assert (drawn["a"].duration, drawn["a"].is_cached) == ("", True)


def test_a_round_in_doubt_says_so_for_its_node() -> None:
    assert run_states.status_of("b", [WORKS, replace(WORKS, item=3, status="in_doubt")]) == "in_doubt"


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ([], "a"),
        ([DONE], "a"),
        ([DONE, WORKS], "b"),
        ([DONE, WORKS, replace(WORKS, node_id="c", status="failed")], "c"),
        ([DONE, replace(DONE, node_id="b"), replace(DONE, node_id="gone")], "b"),
    ],
)
def test_what_needs_somebody_is_shown_first(states: list[NodeState], shown: str) -> None:
    assert run_states.telling(GRAPH, states) == shown
