"""The timeline of a run: who worked when, and who waited for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.ui.run_timeline import Handover, Span, figure, handovers, spans
from core.engine.graph import read_graph
from core.runs.models import RunEvent
from core.runs.nodes.models import NodeState
from core.usage.models import Totals

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
COLOURS = ["#111", "#222", "#333"]
KINDS = [{"id": name, "kind": "template", "text": "x"} for name in ("a", "b", "c")]
GRAPH = read_graph({"nodes": KINDS, "edges": [{"source": "a", "target": "c"}, {"source": "b", "target": "c"}]})


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def node(node_id: str, start: float, end: float | None = None, status: str = "succeeded") -> NodeState:
    ended = None if end is None else at(end)
    return NodeState(node_id, -1, status, started_at=at(start), ended_at=ended)  # type: ignore[arg-type]


def event(kind: str, node_id: str, seconds: float) -> RunEvent:
    return RunEvent(1, at(seconds), kind, node_id, {})


def test_a_node_that_waited_has_a_bar_for_each_part() -> None:
    told = [event("node_started", "a", 0), event("node_waiting", "a", 1), event("node_started", "a", 61)]
    found = spans([node("a", 0, 62)], told, {"a": Totals(1, 1, 1, 4200)}, at(100))
    assert [(span.doing, span.seconds, span.cost) for span in found] == [
        ("Works", 1, "$0.0042"),
        ("Waits", 60, "$0.0042"),
        ("Works", 1, "$0.0042"),
    ]


def test_what_is_under_way_reaches_to_now() -> None:
    waits = spans([node("a", 0, None, "waiting")], [event("node_waiting", "a", 2)], {}, at(10))
    assert [(span.doing, span.seconds) for span in waits] == [("Works", 2), ("Waits", 8)]
    (works,) = spans([node("a", 3, None, "running")], [], {}, at(10))
    assert (works.doing, works.seconds) == ("Works", 7)


def test_what_was_taken_over_or_skipped_did_nothing() -> None:
    states = [replace(node("a", 0, 1), is_cached=True), node("b", 0, 1, "skipped"), node("c", 1, 2, "failed")]
    (found,) = spans(states, [], {}, at(5))
    assert (found.node_id, found.doing) == ("c", "Failed")
    assert handovers(GRAPH, states) == []


def test_a_node_waited_for_the_last_one_before_it() -> None:
    assert handovers(GRAPH, [node("a", 0, 2), node("b", 0, 5), node("c", 5.5, 6)]) == [
        Handover("b", "c", at(5), at(5.5))
    ]


def test_the_figure_has_a_row_a_node_and_no_tags_of_theirs() -> None:
    found = [Span("a", "Works", at(0), at(2), "$0.0042"), Span("c", "Waits", at(2), at(9))]
    drawn = figure(found, [Handover("a", "c", at(2), at(2))], {"a": "<b>First</b>", "c": "Then"}, COLOURS)
    assert list(drawn.layout.yaxis.ticktext) == ["&lt;b>First&lt;/b>", "Then"]
    line, works, waits = drawn.data
    assert (list(line.y), works.name, list(works.x), waits.name, list(waits.y)) == (
        [0, 1, 1],
        "Works",
        [2000],
        "Waits",
        [1],
    )
    assert works.customdata[0][0] == "&lt;b>First&lt;/b><br>Works 2.0 s<br>$0.0042"
    assert works.marker.color == "#111"
