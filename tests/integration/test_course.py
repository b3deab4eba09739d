"""How a run follows its graph: ways that are taken, skipped and joined, errors, values, waiting, and crashes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.accounts.models import User
from core.bootstrap import Core
from core.engine import control, execution
from core.engine.course import StoredFailure
from core.engine.failures import OutputTooLarge
from core.errors import RunCancelled
from core.security.redact import MASK, register_secret
from tests.support.courses import Crash, Walks, walks
from tests.support.mailbox import MemoryTransport
from tests.support.stopped_clock import StoppedClock
from tests.support.worker import wait_until


@pytest.fixture
def stage(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walks]:
    monkeypatch.setattr(execution, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(execution, "POLL_SECONDS", 0.01)
    with walks(core, alice, monkeypatch) as made:
        yield made


# --- ways ---------------------------------------------------------------------------------------------


def test_only_the_way_that_a_node_goes_is_taken(stage: Walks) -> None:
    run = stage.start(
        {"a": {"way": "yes"}, "b": {}, "c": {}, "d": {}, "e": {}},
        *("a yes > b", "a no > c", "c > d", "b > e", "d > e"),
    )
    assert stage.outcome(run).output == "e"
    assert stage.statuses(run) == {
        "a": "succeeded",
        "b": "succeeded",
        "c": "skipped",
        "d": "skipped",
        "e": "succeeded",
    }
    assert stage.states(run)["a"].branch == "yes"
    assert {event.node_id for event in stage.events(run, "node_skipped")} == {"c", "d"}
    assert stage.probe.seen["e"].sources == ("b",)


def test_a_join_of_any_goes_on_with_the_first_that_arrives(stage: Walks) -> None:
    goes_on = threading.Event()
    stage.probe.on_run = lambda name: {"slow": goes_on.wait, "last": goes_on.set}.get(name, lambda: None)()
    run = stage.start(
        {"quick": {}, "slow": {}, "first": {"kind": "join", "mode": "any"}, "last": {}},
        *("quick > first", "slow > first", "first > last"),
    )
    assert stage.outcome(run).output == "last"
    assert stage.states(run)["first"].output == "quick"
    assert stage.probe.begun["slow"] == 1


def test_what_comes_after_nothing_but_skipped_ways_is_skipped_by_any_join_too(stage: Walks) -> None:
    run = stage.start(
        {"a": {"way": "yes"}, "b": {}, "c": {}, "any": {"kind": "join", "mode": "any"}, "end": {}},
        *("a no > b", "a no > c", "b > any", "c > any", "any > end"),
    )
    assert stage.outcome(run).output == ""
    assert stage.statuses(run)["end"] == "skipped"


def test_nodes_that_do_not_wait_for_each_other_run_at_once(stage: Walks) -> None:
    both = threading.Barrier(2, timeout=20)
    stage.probe.on_run = lambda _: both.wait()
    assert stage.walk({"a": {}, "b": {}}).output == "**a**\n\na\n\n**b**\n\nb"


# --- values -------------------------------------------------------------------------------------------


def test_a_node_sees_the_inputs_and_what_came_before_it_only(stage: Walks) -> None:
    nodes = {"a": {"gives": {"total": 12.5}}, "aside": {}, "b": {"text": "{{a.total}} {{topic}}"}, "c": {}}
    run = stage.start(nodes, "a > b", "b > c", topic="tea")
    assert stage.outcome(run).output.endswith("**c**\n\nc")
    assert stage.states(run)["b"].output == "12.5 tea"
    assert set(stage.probe.seen["b"].values) == {"topic", "a"}
    assert set(stage.probe.seen["c"].values) == {"topic", "a", "b"}
    assert stage.probe.seen["c"].sources == ("b",)


def test_outputs_keep_their_types_and_names(stage: Walks) -> None:
    nodes = {
        "a": {"gives": {"total": 12.5, "lines": [1, None, True]}},
        "one": {"kind": "output", "name": "sum", "format": "json", "value": "{{a.total}}"},
        "two": {"kind": "output", "name": "words", "format": "text", "value": "It is {{a.total}}."},
    }
    run = stage.start(nodes, "a > one", "a > two")
    done = stage.outcome(run)
    assert done.outputs == {"sum": 12.5, "words": "It is 12.5."}
    assert done.output == '{\n  "sum": 12.5,\n  "words": "It is 12.5."\n}'
    assert stage.core.journal.succeed(run.id, done.output, done.outputs)
    assert stage.get(run).outputs == done.outputs


def test_the_only_output_is_shown_as_text(stage: Walks) -> None:
    nodes = {"a": {}, "out": {"kind": "output", "name": "result", "format": "text", "value": "Here: {{a}}"}}
    done = stage.walk(nodes, "a > out")
    assert (done.output, done.outputs) == ("Here: a", {"result": "Here: a"})


def test_secrets_in_outputs_are_cut_out_however_deep(stage: Walks) -> None:
    register_secret("zk-very-secret-0123456789")
    run = stage.start({"a": {"gives": {"list": ["The key is zk-very-secret-0123456789."]}}})
    assert "zk-very" not in stage.outcome(run).output
    assert stage.states(run)["a"].output == {"list": [f"The key is {MASK}."]}


def test_a_result_of_more_than_a_megabyte_fails_with_a_sentence(stage: Walks) -> None:
    run = stage.start({"a": {"gives": "é" * 200_000}, "b": {"text": "{{a}}{{a}}{{a}}"}}, "a > b")
    with pytest.raises(StoredFailure, match="larger than 1 MB") as failure:
        stage.follow(run)
    assert failure.value.code == OutputTooLarge.code


# --- errors -------------------------------------------------------------------------------------------


def test_a_node_that_fails_ends_the_run_and_what_runs_beside_it(stage: Walks) -> None:
    run = stage.start({"a": {"fails": "bad_key"}, "b": {"seconds": 60}, "c": {}}, "b > c")
    stage.probe.on_run = lambda name: _until(stage, "b") if name == "a" else None
    with pytest.raises(StoredFailure) as failure:
        stage.follow(run)
    assert failure.value.code == "bad_key"
    assert stage.core.journal.fail(run.id, failure.value)
    assert stage.statuses(run) == {"a": "failed", "b": "cancelled"}


def _until(stage: Walks, name: str) -> None:
    while not stage.probe.begun[name]:
        threading.Event().wait(0.01)


def test_a_way_for_errors_is_taken_with_the_error_as_value(stage: Walks) -> None:
    nodes = {"a": {"fails": "bad_key", "on_error": "branch"}, "well": {}, "ill": {"text": "{{a.code}}"}}
    run = stage.start(nodes, "a > well", "a error > ill")
    assert stage.outcome(run).output == "bad_key"
    assert stage.statuses(run) == {"a": "failed", "well": "skipped", "ill": "succeeded"}
    state = stage.states(run)["a"]
    assert state.error is not None
    assert state.output == {"code": "bad_key", "message": state.error.message}


def test_without_an_edge_for_it_an_error_is_not_lost(stage: Walks) -> None:
    run = stage.start({"a": {"fails": "bad_key", "on_error": "branch"}, "b": {}}, "a > b")
    with pytest.raises(StoredFailure):
        stage.follow(run)


def test_a_default_takes_the_place_of_a_result(stage: Walks) -> None:
    nodes = {
        "a": {"fails": "bad_key", "on_error": "default", "default": {"total": 0}},
        "b": {"text": "{{a.total}}"},
    }
    run = stage.start(nodes, "a > b")
    assert stage.outcome(run).output == "0"
    assert stage.states(run)["a"].error is not None
    (told,) = (event.data for event in stage.events(run, "node_finished") if event.node_id == "a")
    assert told["instead_of"]["code"] == "bad_key"


@pytest.mark.parametrize(("attempts", "wanted"), [({}, 3), ({"attempts": 5}, 5), ({"attempts": 1}, 1)])
def test_a_passing_trouble_is_tried_as_often_as_the_node_says(
    stage: Walks, attempts: dict[str, int], wanted: int
) -> None:
    run = stage.start({"a": {"fails": "unreachable", **attempts}})
    with pytest.raises(StoredFailure):
        stage.follow(run)
    assert stage.probe.begun["a"] == wanted
    assert stage.states(run)["a"].attempts == wanted


def test_a_node_has_the_time_that_it_says(stage: Walks) -> None:
    run = stage.start({"a": {"seconds": 60, "timeout_seconds": 1}})
    with pytest.raises(StoredFailure) as failure:
        stage.follow(run)
    assert failure.value.code == "timeout"
    assert stage.probe.begun["a"] == 1


def test_alices_cancel_begins_nothing_more(stage: Walks) -> None:
    run = stage.start({"a": {}, "b": {}}, "a > b")
    stage.probe.on_run = lambda _: stage.core.runs.cancel(stage.alice, run.id) and None
    with pytest.raises(RunCancelled):
        stage.follow(run)
    assert stage.probe.begun == {"a": 1}


def test_a_node_that_hears_nothing_is_left_behind_and_its_late_result_dropped(
    stage: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "GRACE_SECONDS", 0.3)
    run, goes_on = stage.start({"a": {}, "b": {}}, "a > b"), threading.Event()

    def hear_nothing(_: str) -> None:
        stage.core.runs.cancel(stage.alice, run.id)
        stage.controls.stop_run(run.id, "cancelled")
        assert goes_on.wait(20)

    stage.probe.on_run = hear_nothing
    with pytest.raises(RunCancelled):
        stage.follow(run)
    assert stage.core.journal.cancelled(run.id)
    assert stage.controls.has_abandoned()
    assert stage.controls.run_ids() == []
    goes_on.set()
    wait_until(lambda: not stage.controls.has_abandoned(), 20, "the node to end")
    assert stage.statuses(run) == {"a": "cancelled"}
    assert stage.events(run, "node_finished") == []


def test_a_node_that_does_not_end_in_its_time_fails_and_its_way_for_errors_is_taken(
    stage: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "GRACE_SECONDS", 0.3)
    goes_on = threading.Event()
    stage.probe.on_run = lambda name: _late(stage, goes_on) if name == "a" else None
    run = stage.start(
        {"a": {"timeout_seconds": 60, "on_error": "branch"}, "b": {"text": "{{a.code}}"}}, "a error > b"
    )
    assert stage.outcome(run).output == "timeout"
    goes_on.set()


def _late(stage: Walks, goes_on: threading.Event) -> None:
    for one in stage.controls.run_ids():
        stage.controls.stop_run(one, "timeout")
    assert goes_on.wait(20)


# --- waiting ------------------------------------------------------------------------------------------


def test_a_run_waits_when_nothing_else_is_left_and_goes_on_when_it_is_woken(stage: Walks) -> None:
    run = stage.start({"a": {}, "ask": {"word": True}, "b": {}, "c": {}}, "a > ask", "ask > b", "a > c")
    assert stage.follow(run) is None
    assert stage.get(run).status == "waiting"
    assert stage.statuses(run) == {"a": "succeeded", "ask": "waiting", "c": "succeeded"}
    stage.probe.words.add("ask")
    stage.wake(run)
    assert stage.outcome(run).output == "**c**\n\nc\n\n**b**\n\nb"
    assert stage.probe.begun == {"a": 1, "ask": 2, "b": 1, "c": 1}


def test_a_run_that_is_woken_for_nothing_waits_again(stage: Walks) -> None:
    run = stage.start({"ask": {"word": True}})
    assert stage.follow(run) is None
    began_at = stage.states(run)["ask"].started_at
    stage.wake(run)
    assert stage.follow(run) is None
    assert stage.states(run)["ask"].started_at == began_at


def test_a_run_waits_for_the_first_moment_that_is_due(stage: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    run = stage.start({"a": {"minutes": 5}, "b": {"minutes": 60}, "c": {"word": True}})
    assert stage.follow(run) is None
    dues = {name: state.due_at for name, state in stage.states(run).items()}
    assert stage.get(run).wake_at == dues["a"] == min(due for due in dues.values() if due)
    assert dues["c"] is None
    time.advance(minutes=6)
    assert stage.core.runs.waking.wake_due() == 1
    assert stage.follow(run) is None
    assert stage.statuses(run) == {"a": "succeeded", "b": "waiting", "c": "waiting"}
    assert stage.get(run).wake_at == dues["b"]


def test_a_word_that_comes_while_a_sibling_works_is_heard_at_once(stage: Walks) -> None:
    run = stage.start({"ask": {"word": True}, "slow": {}, "after": {}}, "ask > after")
    is_after = threading.Event()

    def on_run(name: str) -> None:
        if name == "slow":
            while stage.statuses(run).get("ask") != "waiting":
                threading.Event().wait(0.01)
            stage.probe.words.add("ask")
            stage.wake(run)
            assert is_after.wait(20)
        elif name == "after":
            is_after.set()

    stage.probe.on_run = on_run
    assert stage.outcome(run).output == "**slow**\n\nslow\n\n**after**\n\nafter"


# --- crashes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["node started", "node done", "node finished", "node skipped"])
def test_what_finished_before_a_crash_is_not_done_again(
    stage: Walks, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.start({"a": {"way": "yes"}, "b": {}, "c": {}, "d": {}}, "a yes > b", "a no > c", "b > d", "c > d")
    stage.crash_at(point, monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    finished = [name for name, status in stage.statuses(run).items() if status == "succeeded"]
    begun = stage.probe.begun.copy()
    assert stage.outcome(run).output == "d"
    assert all(stage.probe.begun[name] == begun[name] for name in finished)
    assert stage.probe.begun["b"] == 1


# --- rounds -------------------------------------------------------------------------------------------


def test_each_entry_has_a_round_and_the_results_keep_their_order(stage: Walks) -> None:
    run = stage.start({"a": {"items": ["x", "y", "z"], "parallel": 3, "text": "{{item}}!"}})
    stage.follow(run)
    assert stage.states(run)["a"].output == ["x!", "y!", "z!"]
    assert {event.data["round"] for event in stage.events(run, "round_finished")} == {0, 1, 2}


def test_no_more_rounds_are_at_work_at_once_than_is_said(stage: Walks) -> None:
    at_work: list[int] = [0, 0]
    lock = threading.Lock()

    def on_run(_: str) -> None:
        with lock:
            at_work[0] += 1
            at_work[1] = max(at_work)
        threading.Event().wait(0.02)
        with lock:
            at_work[0] -= 1

    stage.probe.on_run = on_run
    stage.walk({"a": {"items": list(range(10)), "parallel": 3}})
    assert at_work[1] <= 3
    assert sum(stage.probe.begun.values()) == 10


def test_a_round_that_fails_is_tried_again_alone(stage: Walks) -> None:
    config = {"items": [1, 2, 3], "fails": "unreachable", "fails_on": "a1", "fails_times": 1}
    run = stage.start({"a": config})
    stage.follow(run)
    assert stage.probe.begun == {"a0": 1, "a1": 2, "a2": 1}
    assert stage.statuses(run) == {"a": "succeeded", "a0": "succeeded", "a1": "succeeded", "a2": "succeeded"}


@pytest.mark.parametrize("point", ["round started", "round finished"])
def test_a_crash_repeats_no_finished_round(stage: Walks, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stage.start({"a": {"items": [1, 2, 3]}})
    stage.crash_at(point, monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    stage.follow(run)
    assert stage.probe.begun == {"a0": 1, "a1": 1, "a2": 1}
    assert stage.states(run)["a"].output == ["a0", "a1", "a2"]


def test_a_node_waits_as_long_as_one_of_its_rounds(stage: Walks) -> None:
    run = stage.start({"a": {"items": [1, 2, 3], "word": True, "parallel": 2}})
    stage.probe.words = {"a0"}
    assert stage.follow(run) is None
    # Two places: one did the first round and waits in the second, the other waits in the third.
    assert stage.statuses(run) == {"a": "waiting", "a0": "succeeded", "a1": "waiting", "a2": "waiting"}
    stage.probe.words |= {"a1", "a2"}
    stage.wake(run)
    assert stage.outcome(run).output.replace("\n", "").replace(" ", "") == '["a0","a1","a2"]'
    assert stage.probe.begun == {"a0": 1, "a1": 2, "a2": 2}


def test_events_of_a_round_say_which(stage: Walks) -> None:
    run = stage.start({"a": {"items": [1, 2]}})
    stage.follow(run)
    stage.core.journal.of_round(1).event(run.id, "tick", "a", {"n": 1})
    assert stage.events(run, "tick")[0].data == {"n": 1, "round": 1}


# --- what acts outside --------------------------------------------------------------------------------


def test_what_acts_outside_has_the_same_key_each_time(stage: Walks) -> None:
    run = stage.start({"a": {"acts": True}, "b": {"acts": True, "items": [1, 2]}})
    stage.follow(run)
    assert sorted(stage.probe.acts) == [f"{run.id}:a:-1", f"{run.id}:b:0", f"{run.id}:b:1"]
    assert stage.states(run)["a"].output.startswith("acted")


def test_what_was_done_and_remembered_is_not_done_again(stage: Walks, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stage.start({"a": {"acts": True}})
    stage.crash_at("act remembered", monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    assert stage.outcome(run).output == "acted 1"
    assert len(stage.probe.acts) == 1


@pytest.mark.parametrize("point", ["about to act", "acted"])
def test_what_may_have_been_done_waits_for_a_persons_word(
    stage: Walks, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.start({"a": {"acts": True}, "b": {}}, "a > b")
    stage.crash_at(point, monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    acts = len(stage.probe.acts)
    assert stage.follow(run) is None
    assert (stage.get(run).status, stage.statuses(run)) == ("waiting", {"a": "in_doubt"})
    assert len(stage.probe.acts) == acts
    assert [event.node_id for event in stage.events(run, "node_in_doubt")] == ["a"]


def test_alice_is_written_to_once_when_her_run_comes_into_doubt(
    stage: Walks, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.start({"a": {"acts": True}, "b": {"items": [1, 2], "acts": True}})
    stage.crash_at("acted", monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    assert stage.follow(run) is None
    stage.wake(run)
    assert stage.follow(run) is None
    while stage.core.outbox.deliver_next():
        pass
    (mail,) = post.sent
    assert (mail.recipient, mail.subject) == (stage.alice.email, "A run waits for your word")
    assert "“Walk”" in mail.body.get_secret_value()


def test_what_may_be_repeated_is_done_again_with_the_same_key(
    stage: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.start({"a": {"acts": True, "repeatable": True}})
    stage.crash_at("acted", monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    assert stage.outcome(run).output == "acted 2"
    assert stage.probe.acts == [f"{run.id}:a:-1"] * 2


# --- workflows inside ---------------------------------------------------------------------------------


def test_a_workflow_inside_is_a_run_of_its_own_and_wakes_the_one_above(stage: Walks) -> None:
    inside = stage.workflow({"x": {"text": "inside of {{input}}"}})
    run = stage.start({"a": {"child": inside}, "b": {"text": "{{a}}"}}, "a > b")
    assert stage.follow(run) is None
    (child,) = stage.children(run)
    assert (child.parent.node_id, child.workflow_id, child.status) == ("a", inside, "queued")  # type: ignore[union-attr]
    assert stage.get(run).status == "waiting"
    stage.end(child)
    assert stage.get(run).status == "queued"
    assert stage.outcome(run).output == "inside of a"
    assert len(stage.children(run)) == 1


def test_each_round_has_a_run_of_the_workflow_inside(stage: Walks) -> None:
    run = stage.start(
        {"a": {"items": [1, 2], "parallel": 2, "child": stage.workflow({"x": {"text": "{{input}}"}})}}
    )
    assert stage.follow(run) is None
    for child in stage.children(run):
        stage.end(child)
    assert stage.outcome(run).output == '[\n  "a0",\n  "a1"\n]'


def test_a_workflow_inside_that_fails_fails_its_node(stage: Walks) -> None:
    run = stage.start({"a": {"child": stage.workflow({"x": {"fails": "bad_key"}})}})
    assert stage.follow(run) is None
    stage.end(stage.children(run)[0])
    with pytest.raises(StoredFailure, match="did not succeed") as failure:
        stage.follow(run)
    assert failure.value.code == "child_failed"
    assert len(stage.children(run)) == 1


@pytest.mark.parametrize("point", ["child started", "node waits", "run waits"])
def test_a_crash_starts_no_second_run_of_the_workflow_inside(
    stage: Walks, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage.start({"a": {"child": stage.workflow({"x": {}})}})
    stage.crash_at(point, monkeypatch)
    with pytest.raises(Crash):
        stage.follow(run)
    if stage.get(run).status == "running":
        assert stage.follow(run) is None
    (child,) = stage.children(run)
    stage.end(child)
    assert stage.outcome(run).output == "x"


def test_alices_cancel_ends_what_is_inside_too(stage: Walks) -> None:
    inner = stage.workflow({"x": {"word": True}})
    run = stage.start({"a": {"child": stage.workflow({"y": {"child": inner}})}})
    assert stage.follow(run) is None
    (middle,) = stage.children(run)
    assert stage.follow(middle) is None
    (innermost,) = stage.children(middle)
    assert stage.follow(innermost) is None
    assert stage.core.runs.cancel(stage.alice, run.id).status == "cancelled"
    assert [stage.get(one).status for one in (middle, innermost)] == ["cancelled"] * 2
    assert stage.statuses(innermost)["x"] == "cancelled"


def test_a_run_that_fails_stops_what_is_inside(stage: Walks) -> None:
    run = stage.start({"a": {"child": stage.workflow({"x": {}})}, "b": {"fails": "bad_key"}})
    stage.probe.on_run = lambda name: _until_child(stage, run) if name == "b" else None
    stage.end(run)
    assert [child.status for child in stage.children(run)] == ["cancelled"]
    assert stage.get(run).status == "failed"


def _until_child(stage: Walks, run: object) -> None:
    while not stage.children(run):  # type: ignore[arg-type]
        threading.Event().wait(0.01)
