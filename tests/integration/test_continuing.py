"""Runs go on: after a failure, from any node in a new run, with one node alone, and after a person's word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.engine import execution
from core.engine.failures import OutputTooLarge
from core.errors import Conflict, GraphInvalid, NotFound
from core.runs.models import Run
from core.runs.nodes.models import NODE
from tests.support.courses import Crash, Walks, document_of, walks

BEGIN = {"kind": "input", "fields": [{"name": "topic", "type": "text"}]}


@pytest.fixture
def stage(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walks]:
    monkeypatch.setattr(execution, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(execution, "POLL_SECONDS", 0.01)
    with walks(core, alice, monkeypatch) as made:
        yield made


def _doubtful(stage: Walks, monkeypatch: pytest.MonkeyPatch, **config: object) -> Run:
    run = stage.start({"a": {"acts": True, **config}, "b": {"text": "{{a}}"}}, "a > b")
    stage.crash_at("acted", monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    assert stage.follow(run) is None
    return run


# --- resume -------------------------------------------------------------------------------------------


def test_alice_goes_on_with_a_failed_run_from_the_node_that_failed(stage: Walks) -> None:
    run = stage.start({"a": {}, "b": {"fails": "bad_key", "fails_times": 1}, "c": {}}, "a > b", "b > c")
    stage.end(run)
    failed = stage.get(run)
    assert (failed.status, failed.error and failed.error.code) == ("failed", "bad_key")
    resumed = stage.core.runs.resume(stage.alice, run.id)
    assert (resumed.status, resumed.segment, resumed.error, resumed.ended_at) == ("queued", 2, None, None)
    stage.end(run)
    assert (stage.get(run).status, stage.get(run).output) == ("succeeded", "c")
    assert stage.probe.begun == {"a": 1, "b": 2, "c": 1}
    assert [event.data for event in stage.events(run, "run_continued")] == [{"segment": 2}]


def test_what_went_its_way_for_errors_is_not_done_again(stage: Walks) -> None:
    nodes = {
        "a": {"fails": "bad_key", "on_error": "branch"},
        "well": {},
        "ill": {"fails": "bad_key", "fails_times": 1},
    }
    run = stage.start(nodes, "a > well", "a error > ill")
    stage.end(run)
    stage.core.runs.resume(stage.alice, run.id)
    stage.end(run)
    assert stage.probe.begun == {"a": 1, "ill": 2}
    assert stage.statuses(run) == {"a": "failed", "well": "skipped", "ill": "succeeded"}


def test_a_cancelled_run_goes_on_and_asks_again_what_it_waited_for(stage: Walks) -> None:
    run = stage.start({"a": {}, "ask": {"word": True}}, "a > ask")
    assert stage.follow(run) is None
    stage.core.runs.cancel(stage.alice, run.id)
    assert stage.core.runs.resume(stage.alice, run.id).cancel_requested_at is None
    stage.probe.words.add("ask")
    stage.end(run)
    assert stage.get(run).status == "succeeded"
    assert stage.probe.begun == {"a": 1, "ask": 2}


def test_rounds_that_finished_are_kept(stage: Walks) -> None:
    run = stage.start({"a": {"items": [1, 2, 3], "fails": "bad_key", "fails_on": "a1", "fails_times": 1}})
    stage.end(run)
    assert stage.statuses(run) == {"a": "failed", "a0": "succeeded", "a1": "failed"}
    stage.core.runs.resume(stage.alice, run.id)
    stage.end(run)
    assert stage.probe.begun == {"a0": 1, "a1": 2, "a2": 1}


def test_a_workflow_inside_goes_on_with_the_run_above(stage: Walks) -> None:
    inside = stage.workflow({"x": {}, "y": {"fails": "bad_key", "fails_times": 1}}, "x > y")
    run = stage.start({"a": {"child": inside}})
    assert stage.follow(run) is None
    (child,) = stage.children(run)
    stage.end(child)
    stage.end(run)
    assert [stage.get(one).status for one in (run, child)] == ["failed"] * 2
    with pytest.raises(Conflict, match="belongs to a step"):
        stage.core.runs.resume(stage.alice, child.id)
    stage.core.runs.resume(stage.alice, run.id)
    assert (stage.get(child).status, stage.get(child).segment) == ("queued", 2)
    assert stage.follow(run) is None
    stage.end(child)
    stage.end(run)
    assert stage.get(run).output == "y"
    assert stage.probe.begun == {"a": 4, "x": 1, "y": 2}
    assert len(stage.children(run)) == 1


def test_a_run_that_works_waits_or_succeeded_cannot_go_on(stage: Walks) -> None:
    run = stage.start({"ask": {"word": True}})
    for _ in ("queued", "waiting"):
        with pytest.raises(Conflict, match="Only a run that failed"):
            stage.core.runs.resume(stage.alice, run.id)
        if stage.get(run).status == "queued":
            stage.follow(run)
    stage.probe.words.add("ask")
    stage.wake(run)
    stage.end(run)
    with pytest.raises(Conflict):
        stage.core.runs.resume(stage.alice, run.id)


def test_what_may_have_acted_when_the_run_was_cancelled_is_still_in_doubt(
    stage: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _doubtful(stage, monkeypatch)
    stage.core.runs.cancel(stage.alice, run.id)
    assert stage.statuses(run) == {"a": "in_doubt"}
    stage.core.runs.resume(stage.alice, run.id)
    assert stage.follow(run) is None
    assert len(stage.probe.acts) == 1


# --- again from a node --------------------------------------------------------------------------------


def test_alice_runs_again_from_a_node_and_takes_over_what_came_before(stage: Walks) -> None:
    run = stage.start({"a": {}, "aside": {}, "b": {"text": "{{a}}!"}, "c": {"text": "{{b}}"}}, "a > b", "b > c")
    stage.end(run)
    again = stage.core.runs.run_again_from(stage.alice, run.id, "b")
    assert (again.origin_run_id, again.inputs, again.status) == (run.id, run.inputs, "queued")
    stage.end(again)
    assert stage.get(again).output == stage.get(run).output
    assert stage.probe.begun == {"a": 1, "aside": 1, "b": 2, "c": 2}
    assert {name for name, state in stage.states(again).items() if state.is_cached} == {"a", "aside"}
    assert stage.statuses(run) == stage.statuses(again)


def test_a_failed_run_is_run_again_from_before_the_failure(stage: Walks) -> None:
    run = stage.start({"a": {}, "b": {"fails": "bad_key", "fails_times": 1}}, "a > b")
    stage.end(run)
    again = stage.core.runs.run_again_from(stage.alice, run.id, "b")
    stage.end(again)
    assert stage.get(again).output == "b"
    assert stage.probe.begun["a"] == 1


def test_nothing_is_run_again_from_a_node_that_no_way_led_to(stage: Walks) -> None:
    run = stage.start({"a": {"way": "yes"}, "b": {}, "c": {}}, "a yes > b", "a no > c")
    stage.end(run)
    with pytest.raises(Conflict, match="No way led"):
        stage.core.runs.run_again_from(stage.alice, run.id, "c")
    with pytest.raises(NotFound):
        stage.core.runs.run_again_from(stage.alice, run.id, "nowhere")
    other = stage.start({"a": {}})
    with pytest.raises(Conflict, match="still works"):
        stage.core.runs.run_again_from(stage.alice, other.id, "a")


# --- one node alone -----------------------------------------------------------------------------------


def test_alice_tests_one_node_with_values_in_the_place_of_what_comes_before(stage: Walks) -> None:
    workflow = stage.core.workflows.create(
        stage.alice,
        "Draft",
        "hr",
        graph=document_of(
            {"in": BEGIN, "a": {"kind": "tool"}, "b": {"text": "{{a.total}} for {{topic}} {{in.topic}}"}, "c": {}},
            *("in > a", "a yes > b", "b > c"),
        ),
    )
    run = stage.core.runs.test_node(stage.alice, workflow.id, "b", {"a": {"total": 5}, "topic": "tea"})
    assert (run.is_test, run.workflow_id, run.workflow_version) == (True, workflow.id, None)
    stage.end(run)
    assert stage.get(run).output == "5 for tea tea"
    assert stage.probe.begun == {"b": 1}
    assert stage.statuses(run) == {"in": "succeeded", "a": "succeeded", "b": "succeeded"}
    edited = {"nodes": [{"id": "b", "kind": "probe", "text": "edited"}], "edges": []}
    run = stage.core.runs.test_node(stage.alice, workflow.id, "b", {}, graph=edited)
    stage.end(run)
    assert stage.get(run).output == "edited"


def test_a_node_that_is_not_complete_is_not_tested(stage: Walks) -> None:
    graph = document_of({"a": {"kind": "tool"}})
    workflow = stage.core.workflows.create(stage.alice, "Draft", "hr", graph=graph)
    with pytest.raises(GraphInvalid):
        stage.core.runs.test_node(stage.alice, workflow.id, "a", {})
    with pytest.raises(NotFound):
        stage.core.runs.test_node(stage.alice, workflow.id, "b", {})


# --- doubt --------------------------------------------------------------------------------------------


def test_alice_says_that_it_happened_and_what_came_of_it(stage: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _doubtful(stage, monkeypatch)
    settled = stage.core.runs.settle_doubt(stage.alice, run.id, "a", NODE, True, {"sent": "yes"})
    assert settled.status == "queued"
    stage.end(run)
    assert stage.get(run).output == '{\n  "sent": "yes"\n}'
    assert len(stage.probe.acts) == 1
    with pytest.raises(Conflict, match="Nothing is in doubt"):
        stage.core.runs.settle_doubt(stage.alice, run.id, "a", NODE, True)


def test_alice_says_that_it_did_not_happen_and_it_is_done(stage: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _doubtful(stage, monkeypatch)
    stage.core.runs.settle_doubt(stage.alice, run.id, "a", NODE, False)
    stage.end(run)
    assert stage.get(run).output == "acted 2"
    assert stage.probe.acts == [f"{run.id}:a:-1"] * 2


def test_doubt_about_a_round_is_settled_for_that_round(stage: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _doubtful(stage, monkeypatch, items=[1, 2])
    assert stage.statuses(run) == {"a": "waiting", "a0": "in_doubt"}
    stage.core.runs.settle_doubt(stage.alice, run.id, "a", 0, True, "said")
    stage.end(run)
    assert stage.states(run)["a"].output == ["said", "acted 2"]


def test_a_result_that_is_too_large_settles_nothing(stage: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _doubtful(stage, monkeypatch)
    with pytest.raises(OutputTooLarge):
        stage.core.runs.settle_doubt(stage.alice, run.id, "a", NODE, True, "x" * 1_000_001)
    assert stage.statuses(run) == {"a": "in_doubt"}


# --- who ----------------------------------------------------------------------------------------------


def test_charlie_finds_nothing_to_go_on_with(stage: Walks, charlie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _doubtful(stage, monkeypatch)
    workflow = stage.workflow({"x": {}})
    runs = stage.core.runs
    for call in (
        lambda: runs.node_states(charlie, run.id),
        lambda: runs.resume(charlie, run.id),
        lambda: runs.run_again_from(charlie, run.id, "a"),
        lambda: runs.test_node(charlie, workflow, "x", {}),
        lambda: runs.settle_doubt(charlie, run.id, "a", NODE, True),
    ):
        with pytest.raises(NotFound):
            call()
    assert stage.statuses(run) == {"a": "in_doubt"}
    assert [state.node_id for state in runs.node_states(stage.alice, run.id)] == ["a"]


def test_who_went_on_with_a_run_is_in_the_log(stage: Walks, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _doubtful(stage, monkeypatch)
    stage.core.runs.settle_doubt(stage.alice, run.id, "a", NODE, True)
    stage.core.runs.cancel(stage.alice, run.id)
    stage.core.runs.resume(stage.alice, run.id)
    stage.core.runs.cancel(stage.alice, run.id)
    stage.core.runs.run_again_from(stage.alice, run.id, "a")
    found = stage.core.audit.search(root, run.created_at, clock.now())
    actions = [entry.action for entry in reversed(found) if entry.action.startswith("run.")]
    assert actions == ["run.started", "run.doubt_settled", "run.resumed", "run.started_again"]
