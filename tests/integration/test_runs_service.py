"""A run is a row before it is anything else; people watch and stop their own runs only."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.config import Settings
from core.errors import BadKey, GraphInvalid, Invalid, NotFound
from core.keys.models import KeyDraft
from core.runs.queue import RunQueue
from core.runs.service import MAX_INPUT, Runs
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock


class StubQueue:
    """Remembers what it was given, or is down."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.is_down = False

    def enqueue(self, run_id: str, owner_id: str) -> None:
        if self.is_down:
            raise ConnectionError("down")
        self.given.append((run_id, owner_id))


@pytest.fixture
def queue() -> StubQueue:
    return StubQueue()


@pytest.fixture
def runs(core: Core, queue: StubQueue) -> Runs:
    return Runs(core.db, cast(RunQueue, queue), core.agents, core.usage)


@pytest.fixture
def agent(core: Core, alice: User) -> Agent:
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "Helper", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    return core.agents.create(alice, fields)


def _kinds(runs: Runs, actor: User, run_id: str) -> list[str]:
    return [event.kind for event in runs.events(actor, run_id)]


def test_alice_starting_a_run_gets_a_row_an_event_and_a_place_in_the_queue(
    core: Core, runs: Runs, alice: User, agent: Agent, queue: StubQueue
) -> None:
    woken: list[bool] = []
    runs.on_start(lambda: woken.append(True))
    run = runs.start_agent_run(alice, agent.id, "  Write a letter \n")
    assert (run.status, run.title, run.department) == ("queued", "Helper", "hr")
    assert run.inputs == {"input": "Write a letter"}
    assert runs.get(alice, run.id) == run
    assert runs.list(alice) == runs.list(alice, agent.id) == [run]
    assert _kinds(runs, alice, run.id) == ["run_queued"]
    assert queue.given == [(run.id, alice.id)]
    assert woken == [True]
    task = core.journal.task(run.id)
    assert task is not None
    assert task.graph["nodes"][0]["agent"] == agent.definition.model_dump(mode="json")


def test_a_run_keeps_the_agent_as_it_was(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    run = runs.start_agent_run(alice, agent.id, "x")
    core.agents.update(alice, agent.id, {**agent.definition.model_dump(), "goal": "another"}, 1)
    core.agents.delete(alice, agent.id)
    task = core.journal.task(run.id)
    assert task is not None
    assert task.graph["nodes"][0]["agent"]["goal"] == "g"


def test_a_queue_that_is_down_loses_no_run(
    runs: Runs, alice: User, agent: Agent, queue: StubQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    queue.is_down = True
    run = runs.start_agent_run(alice, agent.id, "x")
    assert runs.get(alice, run.id).status == "queued"
    queue.is_down = False
    assert runs.sweep() == 0  # too early: the one who started it may still be at it
    time.advance(seconds=4)
    assert runs.sweep() == 1
    assert queue.given == [(run.id, alice.id)]
    assert runs.sweep() == 0


def test_a_cancelled_run_is_not_swept_into_the_queue(
    runs: Runs, alice: User, agent: Agent, queue: StubQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    queue.is_down = True
    runs.cancel(alice, runs.start_agent_run(alice, agent.id, "x").id)
    time.advance(seconds=4)
    assert runs.sweep() == 0


def test_enqueuing_a_run_twice_leaves_one_place_in_the_real_queue(settings: Settings) -> None:
    queue = RunQueue(settings)
    try:
        for _ in range(2):
            queue.enqueue("run_twice", "user_1")
        queue.enqueue("run_once", "user_1")
        waiting = queue._connected().list_workflows()
        assert sorted(workflow.workflow_id for workflow in waiting) == ["run_once", "run_twice"]
    finally:
        queue.close()


def test_alice_cancelling_a_queued_run_ends_it_at_once(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    run = runs.start_agent_run(alice, agent.id, "x")
    for _ in range(2):
        cancelled = runs.cancel(alice, run.id)
        assert cancelled.status == "cancelled"
    assert cancelled.ended_at == cancelled.cancel_requested_at is not None
    assert _kinds(runs, alice, run.id) == ["run_queued", "run_cancelled"]
    assert not core.journal.succeed(run.id, "too late")
    assert runs.get(alice, run.id).output is None


def test_alice_cancelling_a_running_run_asks_it_to_stop(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    run = runs.start_agent_run(alice, agent.id, "x")
    assert core.journal.begin(run.id)
    assert core.journal.cancel_requested([run.id, "other"]) == set()
    stopping = runs.cancel(alice, run.id)
    assert stopping.is_stopping
    assert runs.cancel(alice, run.id).cancel_requested_at == stopping.cancel_requested_at
    assert core.journal.cancel_requested([run.id, "other"]) == {run.id}
    assert core.journal.cancelled(run.id)
    assert _kinds(runs, alice, run.id) == ["run_queued", "run_started", "run_cancelled"]


def test_alice_cancelling_an_ended_run_changes_nothing(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    run = runs.start_agent_run(alice, agent.id, "x")
    core.journal.begin(run.id)
    core.journal.fail(run.id, BadKey())
    failed = runs.get(alice, run.id)
    assert failed.error is not None
    assert (failed.status, failed.error.code, failed.error.message) == ("failed", "bad_key", BadKey().sentence)
    assert runs.cancel(alice, run.id) == failed


def test_alice_following_a_run_gets_only_what_is_new(core: Core, runs: Runs, alice: User, agent: Agent) -> None:
    run = runs.start_agent_run(alice, agent.id, "x")
    for number in range(3):
        core.journal.event(run.id, "tick", "agent", {"n": number})
    assert [event.seq for event in runs.events(alice, run.id)] == [1, 2, 3, 4]
    assert [event.data for event in runs.events(alice, run.id, after=2)] == [{"n": 1}, {"n": 2}]
    assert runs.events(alice, run.id, after=10**12) == []


def test_events_written_at_once_are_numbered_without_gaps(
    core: Core, runs: Runs, alice: User, agent: Agent
) -> None:
    run = runs.start_agent_run(alice, agent.id, "x")
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: core.journal.event(run.id, "tick", None, {"n": n}), range(20)))
    events = runs.events(alice, run.id)
    assert [event.seq for event in events] == list(range(1, 22))
    assert {event.data["n"] for event in events[1:]} == set(range(20))


def test_charlie_cannot_reach_alices_run_in_any_way(core: Core, runs: Runs, cast: Cast, agent: Agent) -> None:
    run = runs.start_agent_run(cast.alice, agent.id, "x")
    reaches: list[Callable[[User, str], object]] = [runs.get, runs.events, runs.model_calls, runs.cancel]
    for reach in reaches:
        for run_id in (run.id, "run_made_up", "", "r\x00", "\ud800"):
            with pytest.raises(NotFound, match="This run does not exist, or it is not yours"):
                reach(cast.charlie, run_id)
    with pytest.raises(NotFound, match="agent"):
        runs.start_agent_run(cast.charlie, agent.id, "x")
    graph = {"nodes": [{"id": "a", "kind": "agent", "agent_id": agent.id}]}
    with pytest.raises(NotFound, match="agent"):
        runs.start_graph_run(cast.charlie, "t", graph, {"input": "x"})
    assert runs.list(cast.charlie) == runs.list(cast.charlie, agent.id) == runs.list(cast.bob) == []
    assert runs.get(cast.alice, run.id).status == "queued"


def test_alice_must_say_what_to_work_on_and_not_too_much(runs: Runs, alice: User, agent: Agent) -> None:
    for text in ("", " \n\t ", "\x00"):
        with pytest.raises(Invalid, match="Enter what"):
            runs.start_agent_run(alice, agent.id, text)
    with pytest.raises(Invalid, match="200,000 characters"):
        runs.start_agent_run(alice, agent.id, "x" * (MAX_INPUT + 1))
    assert runs.list(alice) == []
    assert len(runs.start_agent_run(alice, agent.id, "🙂" * MAX_INPUT).inputs["input"]) == MAX_INPUT


BROKEN = "a\x00b \ud800 c \U0001f600"


def test_characters_that_cannot_be_stored_do_no_harm_on_their_way_in_or_out(
    core: Core, runs: Runs, alice: User, agent: Agent
) -> None:
    run = runs.start_agent_run(alice, agent.id, BROKEN)
    assert runs.get(alice, run.id).inputs == run.inputs == {"input": "ab ? c \U0001f600"}
    core.journal.event(run.id, "tick", None, {"text": BROKEN, BROKEN: [BROKEN, float("nan"), 1.5]})
    core.journal.succeed(run.id, BROKEN)
    clean = "ab ? c \U0001f600"
    assert runs.events(alice, run.id, after=1)[0].data == {"text": clean, clean: [clean, None, 1.5]}
    assert runs.get(alice, run.id).output == clean


def test_alice_starting_a_workflow_gets_its_agents_filled_in(
    core: Core, runs: Runs, alice: User, agent: Agent
) -> None:
    nodes = [
        {"id": name, "kind": "agent", "agent_id": agent.id, "agent": {"goal": "forged"}, "task": BROKEN}
        for name in ("b", "a")
    ]
    graph = {"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}
    run = runs.start_graph_run(alice, "  My\x00  flow ", graph, {"topic": "x", BROKEN: "y"})
    task = core.journal.task(run.id)
    assert task is not None
    assert [(node["id"], node["agent"]["goal"]) for node in task.graph["nodes"]] == [("a", "g"), ("b", "g")]
    assert task.run.title == "My flow"
    assert task.run.agent_id is None


def test_alice_starting_a_wrong_workflow_reads_a_sentence(runs: Runs, alice: User, agent: Agent) -> None:
    wrong: list[Any] = [
        None,
        [],
        {},
        {"nodes": 5},
        {"nodes": True},
        {"nodes": [{"id": "a", "kind": "agent"}]},
        {"nodes": [{"id": "a", "kind": "agent", "agent_id": ["x"]}]},
        {"nodes": [{"id": "a", "kind": "shell", "agent_id": agent.id}]},
        {"nodes": [{"id": str(n), "kind": "agent", "agent_id": "x"} for n in range(10_000)]},
        {"nodes": [{"id": "a", "kind": "agent", "agent_id": agent.id, "task": 5}]},
    ]
    for graph in wrong:
        with pytest.raises(GraphInvalid):
            runs.start_graph_run(alice, "t", graph, {"input": "x"})
    assert runs.list(alice) == []
