"""A run is a row before it is anything else: whatever becomes of the queue, it is not lost."""

from __future__ import annotations

from typing import Any

import pytest

from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.config import Settings
from core.errors import GraphInvalid, Invalid
from core.keys.models import KeyDraft
from core.runs.inputs import MAX_INPUT
from core.runs.queue import RunQueue
from core.runs.service import Runs
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, a_worker, runs_with


@pytest.fixture
def queue() -> StubQueue:
    return StubQueue()


@pytest.fixture
def runs(core: Core, queue: StubQueue) -> Runs:
    """With a worker that has places, or nothing would be let into the queue."""
    a_worker(core, slots=8)
    return runs_with(core, queue)


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
    runs.waking.on_work(lambda: woken.append(True))
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
    assert runs.dispatch.sweep() == 0  # too early: the one who started it may still be at it
    time.advance(seconds=4)
    assert runs.dispatch.sweep() == 1
    assert queue.given == [(run.id, alice.id)]
    assert runs.dispatch.sweep() == 0


def test_a_cancelled_run_is_not_swept_into_the_queue(
    runs: Runs, alice: User, agent: Agent, queue: StubQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    queue.is_down = True
    runs.cancel(alice, runs.start_agent_run(alice, agent.id, "x").id)
    time.advance(seconds=4)
    assert runs.dispatch.sweep() == 0


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
