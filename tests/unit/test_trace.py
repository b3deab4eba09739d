"""A run's events become steps and lines that a person can read, whatever happened on the way."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui import trace
from app.ui.trace import Item, Trace
from core.runs.models import RunEvent

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 3, 1, tzinfo=UTC)
# What happens to a run as a whole is told by its status and its answer, not by a line of the trace.
OF_THE_RUN = {
    "run_queued",
    "run_started",
    "run_resumed",
    "run_continued",
    "run_waiting",
    "run_woken",
    "run_succeeded",
    "run_failed",
    "run_cancelled",
}
# What is told of a node is told of a round of it, too.
OF_ROUNDS = ("started", "waiting", "in_doubt", "failed", "finished")
WRITERS = ("event", "_event", "add_event", "_end", "_tell", "_change")

STARTED = {"call_id": "call_1", "model": "gpt-4.1-mini"}
FINISHED = {
    "call_id": "call_1",
    "input_tokens": 1200,
    "output_tokens": 20,
    "cached_tokens": 0,
    "cost_micros": 360,
    "duration_ms": 1500,
}


def story(*told: tuple[str, dict[str, Any]] | str, node_id: str | None = "agent") -> list[RunEvent]:
    """Return events in order; a bare kind has no data."""
    pairs = [(one, {}) if isinstance(one, str) else one for one in told]
    return [
        RunEvent(seq, AT, kind, None if kind in OF_THE_RUN else node_id, data)
        for seq, (kind, data) in enumerate(pairs, start=1)
    ]


def read(*told: tuple[str, dict[str, Any]] | str) -> Trace:
    found = Trace()
    found.add(story(*told))
    return found


def items(found: Trace) -> list[Item]:
    return [item for step in found.steps.values() for item in step.items]


def test_an_answered_call_shows_its_text_tokens_cost_and_time() -> None:
    found = read(
        "run_queued",
        "run_started",
        "node_started",
        ("model_call_started", STARTED),
        ("model_text", {"call_id": "call_1", "text": "Billing - "}),
        ("model_text", {"call_id": "call_1", "text": "twice."}),
        ("model_call_finished", FINISHED),
        ("node_finished", {"output": "Billing - twice."}),
        "run_succeeded",
    )
    assert items(found) == [
        Item("model", "gpt-4.1-mini", "1.2 k in, 20 out · $0.00036 · 1.5 s", "Billing - twice.", is_open=False)
    ]
    assert found.steps["agent"].state == "done"
    assert found.last_seq == 9
    assert not found.was_resumed


def test_a_call_under_way_is_thinking_and_shows_what_has_come() -> None:
    found = read(
        "node_started", ("model_call_started", STARTED), ("model_text", {"call_id": "call_1", "text": "Bil"})
    )
    assert items(found) == [Item("model", "gpt-4.1-mini", "thinking …", "Bil", is_open=True)]
    assert found.steps["agent"].state == "running"


def test_unknown_tokens_and_prices_are_called_unknown() -> None:
    nothing = {**FINISHED, "input_tokens": None, "output_tokens": None, "cost_micros": None}
    found = read("node_started", ("model_call_started", STARTED), ("model_call_finished", nothing))
    assert items(found)[0].detail == "unknown in, unknown out · unknown · 1.5 s"


def test_a_tool_call_shows_arguments_and_result_in_order() -> None:
    found = read(
        "node_started",
        ("model_call_started", STARTED),
        ("model_call_finished", FINISHED),
        ("tool_started", {"tool": "calculator", "arguments": {"expression": "2 * 3", "digits": 2}}),
        ("tool_finished", {"tool": "calculator", "ok": True, "result": "6", "duration_ms": 1}),
        ("model_call_started", {**STARTED, "call_id": "call_2"}),
        ("model_text", {"call_id": "call_2", "text": "Six."}),
        ("model_call_finished", {**FINISHED, "call_id": "call_2"}),
    )
    assert [(item.kind, item.text) for item in items(found)] == [
        ("model", "Asks for a tool."),
        ("tool", "6"),
        ("model", "Six."),
    ]
    assert items(found)[1].detail == "expression = 2 * 3, digits = 2"
    assert not any(item.is_open for item in items(found))


def test_a_refused_call_becomes_a_problem_and_the_retry_says_when() -> None:
    found = read(
        "node_started",
        ("model_call_started", STARTED),
        ("model_call_failed", {"call_id": "call_1", "code": "rate_limited", "message": "Too many."}),
        ("node_retry", {"code": "rate_limited", "message": "Too many.", "pause_seconds": 2.0, "attempt": 1}),
        ("model_call_started", {**STARTED, "call_id": "call_2"}),
        ("model_call_finished", {**FINISHED, "call_id": "call_2"}),
        ("node_finished", {"output": "x"}),
    )
    assert [(item.kind, item.title, item.detail) for item in items(found)[:2]] == [
        ("problem", "gpt-4.1-mini", "Too many."),
        ("problem", "Too many. Next try in 2.0 s.", ""),
    ]
    assert found.steps["agent"].state == "done"


def test_a_call_that_was_cut_off_says_what_it_counts_and_its_failure_is_told_once() -> None:
    late = {"code": "timeout", "message": "Late."}
    found = read(
        "node_started",
        ("model_call_started", STARTED),
        ("model_call_failed", {"call_id": "call_1", "cost_micros": 4200, **late}),
        ("node_failed", late),
    )
    (only,) = items(found)
    assert only.detail == "Late. What was cut off counts at the most it may have cost: $0.0042."


def test_a_step_that_waits_comes_into_doubt_and_is_settled_says_how_it_stands() -> None:
    found = read("node_started", "node_waiting")
    assert found.steps["agent"].state == "waiting"
    found = read("node_started", ("round_failed", {"round": 1, "message": "No."}), "node_in_doubt")
    assert [item.title for item in items(found)] == ["Round 2: No.", trace.IN_DOUBT]
    for happened, told in ((True, "It did happen."), (False, "It is done again.")):
        assert [item.title for item in items(read(("node_settled", {"happened": happened})))] == [told]


def test_a_resumed_run_shows_what_was_cut_off_and_goes_on() -> None:
    found = read(
        "run_started",
        "node_started",
        ("model_call_started", STARTED),
        ("model_text", {"call_id": "call_1", "text": "Bil"}),
        "run_resumed",
        ("model_calls_interrupted", {"calls": 1, "cost_micros": 4200}),
        "node_started",
        ("model_call_started", {**STARTED, "call_id": "call_2"}),
        ("model_text", {"call_id": "call_2", "text": "Billing."}),
        ("model_call_finished", {**FINISHED, "call_id": "call_2"}),
        ("node_finished", {"output": "Billing."}),
    )
    assert found.was_resumed
    assert [(item.kind, item.text) for item in items(found)] == [
        ("model", "Bil"),
        ("problem", ""),
        ("model", "Billing."),
    ]
    assert items(found)[0].detail == "cut off"
    assert items(found)[1].title.endswith(
        "it is made again. What was cut off counts at the most it may have cost: $0.0042."
    )
    assert not any(item.is_open for item in items(found))
    assert found.steps["agent"].state == "done"


def test_a_failed_node_closes_what_was_open_and_says_why() -> None:
    found = read(
        "node_started",
        ("model_call_started", STARTED),
        ("tool_started", {"tool": "calculator", "arguments": {}}),
        ("node_failed", {"code": "cancelled", "message": "The run was cancelled."}),
        "run_cancelled",
    )
    assert [(item.detail, item.is_open) for item in items(found)] == [
        ("cut off", False),
        ("cut off", False),
        ("", False),
    ]
    assert items(found)[-1] == Item("problem", "The run was cancelled.")
    assert found.steps["agent"].state == "failed"


def test_nodes_that_run_side_by_side_keep_their_own_steps() -> None:
    told = [
        *story("node_started", ("model_call_started", STARTED), node_id="a"),
        *story("node_started", ("model_call_started", {**STARTED, "call_id": "call_2"}), node_id="b"),
        *story(("model_text", {"call_id": "call_1", "text": "A"}), node_id="a"),
        *story(("model_text", {"call_id": "call_2", "text": "B"}), node_id="b"),
        *story(("node_finished", {"output": "B"}), node_id="b"),
    ]
    found = Trace()
    found.add(told)
    assert [(step.node_id, step.state, step.items[0].text) for step in found.steps.values()] == [
        ("a", "running", "A"),
        ("b", "done", "B"),
    ]


WHOLE = story(
    "run_started",
    "node_started",
    ("model_call_started", STARTED),
    ("model_text", {"call_id": "call_1", "text": "Bil"}),
    ("model_call_failed", {"call_id": "call_1", "code": "timeout", "message": "Late."}),
    ("node_retry", {"code": "timeout", "message": "Late.", "pause_seconds": 2, "attempt": 1}),
    ("tool_started", {"tool": "calculator", "arguments": {}}),
    ("tool_finished", {"tool": "calculator", "ok": False, "result": "Error", "duration_ms": 0}),
    ("node_failed", {"code": "timeout", "message": "Late."}),
    "run_failed",
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=4).map(sorted))
def test_a_story_read_in_parts_is_the_same_story(cuts: list[int]) -> None:
    in_parts, at_once = Trace(), Trace()
    at_once.add(WHOLE)
    for start, end in zip([0, *cuts], [*cuts, len(WHOLE)], strict=True):
        in_parts.add(WHOLE[start:end])
    assert in_parts == at_once


def kinds_written_by_core() -> set[str]:
    """Return every kind of event in a call of what writes one."""
    found = {f"round_{word}" for word in OF_ROUNDS}
    for path in (ROOT / "core").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in WRITERS:
                texts = {c.value for arg in node.args for c in ast.walk(arg) if isinstance(c, ast.Constant)}
                found |= {
                    t for t in texts if isinstance(t, str) and t.startswith(("run_", "node_", "model_", "tool_"))
                }
    return found


def kinds_read_by_the_trace() -> set[str]:
    source = ast.parse(Path(trace.__file__).read_text("utf-8"))
    values = [node.value for node in ast.walk(source) if isinstance(node, ast.MatchValue)]
    return {str(value.value) for value in values if isinstance(value, ast.Constant)}


def test_every_kind_of_event_that_core_writes_is_known() -> None:
    written = kinds_written_by_core()
    assert {"run_queued", "node_started", "model_text", "tool_finished"} <= written  # the search finds them
    assert written - OF_THE_RUN == kinds_read_by_the_trace()
    assert {kind for kind in written if kind.startswith("run_")} == OF_THE_RUN


@pytest.mark.parametrize("kind", ["invented_later"])
def test_an_unknown_kind_breaks_nothing(kind: str) -> None:
    assert items(read("node_started", (kind, {"x": 1}))) == []
