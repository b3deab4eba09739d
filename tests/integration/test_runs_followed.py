"""People follow and stop their own runs, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.errors import BadKey, NotFound
from core.keys.models import KeyDraft
from core.runs.service import Runs
from tests.conftest import Cast
from tests.support.stub_queue import StubQueue, runs_with


@pytest.fixture
def runs(core: Core) -> Runs:
    return runs_with(core, StubQueue())


@pytest.fixture
def agent(core: Core, alice: User) -> Agent:
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "Helper", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    return core.agents.create(alice, fields)


def _kinds(runs: Runs, actor: User, run_id: str) -> list[str]:
    return [event.kind for event in runs.events(actor, run_id)]


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
