"""Two runs side by side: a row a step, and the lines that differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.ui.run_compare import LINES_SHOWN, Side, difference, rows
from core.engine.graph import read_graph
from core.runs.models import Run
from core.runs.nodes.models import NodeState
from core.usage.models import Totals

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RUN = Run("run_1", "user_1", None, None, "R", "succeeded", {}, "x", None, START, START, None, START)


def one(states: list[NodeState], totals: dict[str, Totals], *names: str) -> Side:
    nodes = [{"id": name, "kind": "template", "label": name.title(), "text": "x"} for name in names]
    return Side(RUN, read_graph({"nodes": nodes, "edges": []}), states, totals)


def test_each_step_of_either_run_has_a_row() -> None:
    done = NodeState("a", -1, "succeeded", started_at=START, ended_at=START + timedelta(seconds=2))
    left = one([done], {"a": Totals(1, 1000, 200, 4200)}, "a", "b")
    found = rows(left, one([], {}, "a", "c"))
    assert [row["Step"] for row in found] == ["A", "B", "C"]
    first = found[0]
    assert (first["State A"], first["Time A"], first["Cost A"], first["Tokens A"]) == (
        "Succeeded",
        "2.0 s",
        "$0.0042",
        "1.2 k",
    )
    assert (first["State B"], first["Cost B"]) == ("Pending", "–")
    assert (found[1]["State B"], found[2]["State A"]) == ("–", "–")


def test_only_what_differs_is_shown() -> None:
    assert difference("a\nb\nc", "a\nb\nc") == ""
    assert difference("a\nb\nc", "a\nx\nc") == "⋯\n a\n-b\n+x\n c"


def test_a_long_difference_is_cut() -> None:
    left, right = ("\n".join(f"{word} {n}" for n in range(500)) for word in ("one", "two"))
    lines = difference(left, right).split("\n")
    assert len(lines) == LINES_SHOWN + 1
    assert lines[-1].endswith("lines more")
