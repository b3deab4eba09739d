"""Several agents in one node: who speaks to which model with which key, what it costs, and how it stops."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.accounts.models import User
from core.bootstrap import Core
from core.usage.models import CallOrigin
from tests.fakes.model_server import FakeModelServer
from tests.support.node_stage import CALL_MICROS, SECRET, NodeStage, worker_like_process

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
OTHER_SECRET = "zk-second-key-0123456789abcdef"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("crewai")


@pytest.fixture(scope="module", autouse=True)
def prepared_process(storage: Path) -> Iterator[None]:
    with worker_like_process(storage):
        yield


@pytest.fixture
def stage(core: Core, alice: User, fake: FakeModelServer) -> NodeStage:
    return NodeStage(core, alice, fake)


@pytest.fixture
def origins(core: Core, monkeypatch: pytest.MonkeyPatch) -> list[CallOrigin]:
    """Whom each call is booked for, in the order of sending."""
    found: list[CallOrigin] = []
    really = core.usage.open_call

    def open_call(origin: CallOrigin, *rest: Any) -> str:
        found.append(origin)
        return really(origin, *rest)

    monkeypatch.setattr(core.usage, "open_call", open_call)
    return found


def two_agents(
    stage: NodeStage, first: str = "fake-1", second: str = "fake-2@pt=50@ct=10", **of_second: Any
) -> list[str]:
    """Make two agents on two keys; a call of the second costs 50 and 30 micro-dollars."""
    other = stage.add_key(OTHER_SECRET, 1_000_000, 3_000_000)
    researcher = stage.agent(first, name="Researcher", role="researcher")
    return [researcher, stage.agent(second, name="Writer", role="writer", key_id=other.id, **of_second)]


def in_turn(agents: list[str], *tasks: str) -> dict[str, Any]:
    rows = [{"agent_id": agent, "task": task} for agent, task in zip(agents, tasks, strict=True)]
    return {"process": "sequential", "tasks": rows}


def test_agents_work_one_after_the_other_each_with_its_own_key(
    stage: NodeStage,
    fake: FakeModelServer,
    origins: list[CallOrigin],
    capfd: pytest.CaptureFixture[str],
    storage: Path,
) -> None:
    agents = two_agents(stage, tools=("calculator",), expected_output="Two {lines}.")
    config = in_turn(agents, "Find MARK-{{topic}}.", "Write about {it} as MARK-b.")
    run, outcome = stage.run("crew", config, topic="a")
    assert outcome.output == "Fake answer 2. MARK-a MARK-b", "the writer sees what the researcher has found"
    assert [record.key for record in fake.chats] == [SECRET, OTHER_SECRET]
    assert "Fake answer 1. MARK-a" in stage.sent(1)
    assert "Write about {it} as MARK-b." in stage.sent(1)
    assert "Two {lines}." in stage.sent(1)
    assert ["tools" in json.loads(record.body) for record in fake.chats] == [False, True]
    assert [(origin.agent_id, origin.node_id) for origin in origins] == [(agent, "n") for agent in agents]
    assert [origin.key_id for origin in origins] == [
        stage.key.id,
        stage.core.agents.get(stage.alice, agents[1]).definition.key_id,
    ]
    assert [call.cost_micros for call in stage.calls(run)] == [CALL_MICROS, 50 * 1 + 10 * 3]
    totals = stage.core.runs.get(stage.alice, run.id).totals
    assert (totals.calls, totals.input_tokens, totals.output_tokens) == fake.totals() == (2, 150, 30)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in storage.rglob("*.db")] == [], "nothing is written to a file that runs share"


def test_one_agent_may_have_several_tasks_and_each_call_counts_once(
    stage: NodeStage, fake: FakeModelServer, origins: list[CallOrigin]
) -> None:
    """CrewAI's own totals count the calls of an agent with two tasks twice."""
    one, two = two_agents(stage)
    run, outcome = stage.run("crew", in_turn([one, two, one], "Do A.", "Do B.", "Do C."))
    assert outcome.status == "succeeded"
    assert [origin.agent_id for origin in origins] == [one, two, one]
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 2 * CALL_MICROS + 80
    assert fake.totals(SECRET) == (2, 200, 40)
    assert fake.totals(OTHER_SECRET) == (1, 50, 10)


def test_results_that_lead_to_a_crew_are_added_to_its_first_task(stage: NodeStage) -> None:
    run = stage.queued("crew", in_turn(two_agents(stage), "Do A.", "Use {{b}}."))
    stage.execute(run, ("a", "b"), a="the letter", b="the rules")
    assert "Do A.\n\nResult of a:\nthe letter" in stage.sent(0)
    assert "Result of b" not in stage.sent(0)
    assert "Use the rules." in stage.sent(1)


# --- a manager -----------------------------------------------------------------------------------


def delegating(to: str, times: int = 1) -> str:
    """Return the name of a model that hands work to a role."""
    arguments = json.dumps({"coworker": to, "task": "Write MARK-part.", "context": "MARK-context"})
    return f"fake-1@tool={times}@toolname=delegate_work_to_coworker@args={arguments}"


def led(stage: NodeStage, manager_model: str, team: list[str], **manager: Any) -> dict[str, Any]:
    manager_id = stage.agent(manager_model, name="Manager", role="manager", **manager)
    return {"process": "hierarchical", "manager_id": manager_id, "agent_ids": team, "task": "Do MARK-{{topic}}."}


def test_a_manager_hands_work_out_and_answers(
    stage: NodeStage,
    fake: FakeModelServer,
    origins: list[CallOrigin],
    capfd: pytest.CaptureFixture[str],
    storage: Path,
) -> None:
    team = two_agents(stage)
    config = led(stage, delegating("writer"), team, tools=("calculator",))
    run, outcome = stage.run("crew", config, topic="whole")
    assert outcome.status == "succeeded"
    assert outcome.output.startswith("Fake answer 3.")
    assert [record.key for record in fake.chats] == [SECRET, OTHER_SECRET, SECRET]
    assert "MARK-part" in stage.sent(1)
    assert "MARK-context" in stage.sent(1)
    assert "Fake answer 2." in stage.sent(2), "the manager reads what the writer answered"
    assert "calculator" not in fake.chats[0].tool_names, "a manager has the tools to delegate, and no others"
    assert [origin.agent_id for origin in origins] == [config["manager_id"], team[1], config["manager_id"]]
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 2 * CALL_MICROS + 80
    totals = stage.core.runs.get(stage.alice, run.id).totals
    assert (totals.calls, totals.input_tokens, totals.output_tokens) == fake.totals()
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in storage.rglob("*.db")] == []


def test_agents_of_one_role_are_told_apart(
    stage: NodeStage, fake: FakeModelServer, origins: list[CallOrigin]
) -> None:
    team = [stage.agent(role="clerk {a}"), stage.agent(role="clerk {a}")]
    _, outcome = stage.run("crew", led(stage, delegating("clerk (a) (2)"), team), topic="x")
    assert outcome.status == "succeeded"
    assert origins[1].agent_id == team[1]


def test_a_manager_who_names_nobody_is_told_and_answers_itself(stage: NodeStage, fake: FakeModelServer) -> None:
    _, outcome = stage.run("crew", led(stage, delegating("janitor"), two_agents(stage)), topic="x")
    assert outcome.status == "succeeded"
    assert len(fake.chats) == 2


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("is_led", [False, True], ids=["in turn", "led"])
def test_a_key_that_does_not_work_fails_the_crew_and_is_not_talked_around(
    stage: NodeStage, fake: FakeModelServer, is_led: bool
) -> None:
    team = two_agents(stage, second="fake-2@fault=401")
    config = led(stage, delegating("writer"), team) if is_led else in_turn(team, "Do A.", "Do B.")
    run, outcome = stage.run("crew", config, topic="x")
    assert (outcome.status, outcome.code) == ("failed", "bad_key")
    assert len(fake.chats) == 2, "the manager is not asked what to do about it"
    assert Counter(call.status for call in stage.calls(run)) == {"answered": 1, "failed": 1}


def test_a_passing_trouble_of_one_agent_is_tried_again(
    stage: NodeStage, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.execution.FIRST_PAUSE_SECONDS", 0.01)
    team = two_agents(stage, second="fake-2@fail_first=1")
    run, outcome = stage.run("crew", in_turn(team, "Do A.", "Do B."))
    assert outcome.status == "succeeded"
    assert [data["code"] for data in stage.data(run, "node_retry")] == ["provider_error"]


@pytest.mark.parametrize("is_led", [False, True], ids=["in turn", "led"])
def test_a_crew_that_is_cancelled_stops_inside_the_call(
    stage: NodeStage, fake: FakeModelServer, is_led: bool
) -> None:
    team = two_agents(stage, second="fake-2@fault=hang")
    config = led(stage, delegating("writer"), team) if is_led else in_turn(team, "Do A.", "Do B.")
    run = stage.queued("crew", config, topic="x")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(stage.execute(run)))
    thread.start()
    fake.wait_for(2, 30)
    stage.controls.stop_run(run.id, "cancelled")
    thread.join(20)
    assert not thread.is_alive()
    assert (found[0].status, found[0].code) == ("stopped", "cancelled")
    assert len(fake.chats) == 2
    assert [call.status for call in stage.calls(run)] == ["answered", "interrupted"]


def test_a_crew_over_its_time_limit_fails(stage: NodeStage, fake: FakeModelServer) -> None:
    team = two_agents(stage, second="fake-2@fault=hang", time_limit_seconds=5)
    config = {**in_turn(team, "Do A.", "Do B."), "timeout_seconds": 1, "attempts": 1}
    run = stage.queued("crew", config, topic="x")
    stop_late = threading.Event()
    watch = threading.Thread(
        target=lambda: [stage.controls.stop_late() for _ in iter(lambda: stop_late.wait(0.1), True)]
    )
    watch.start()
    try:
        assert stage.execute(run).code == "timeout"
    finally:
        stop_late.set()
        watch.join()


def test_a_crew_works_on_every_entry_of_a_list(stage: NodeStage, fake: FakeModelServer) -> None:
    body = {"kind": "crew", **in_turn(two_agents(stage), "Find MARK-{{item}}.", "Write.")}
    run, outcome = stage.run("for_each", {"items": "l", "parallel": 2, "body": body}, l=["a", "b"])
    assert [text.split(".")[1].strip() for text in outcome.output] == ["MARK-a", "MARK-b"]
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 2 * (CALL_MICROS + 80)
