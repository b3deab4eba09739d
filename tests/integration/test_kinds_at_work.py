"""Kinds of nodes that wait, judge and repeat, each at work in the engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import CoreError
from tests.fakes.model_server import FakeModelServer
from tests.support.courses import Walks, document_of, walks
from tests.support.node_stage import CALL_MICROS, NodeStage, worker_like_process

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module", autouse=True)
def prepared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with worker_like_process(tmp_path_factory.mktemp("crewai")):
        yield


@pytest.fixture
def stage(core: Core, alice: User, fake: FakeModelServer) -> NodeStage:
    return NodeStage(core, alice, fake)


# --- judges --------------------------------------------------------------------------------------

CLASSES = [{"name": "Invoice", "description": "asks for money"}, {"name": "complaint"}]


@pytest.mark.parametrize(
    ("answer", "way"),
    [
        ("Invoice", "Invoice"),
        (" `INVOICE`.\n", "Invoice"),
        ('"complaint"', "complaint"),
        ("other", "other"),
        ("It is an invoice", "other"),
        ("Invoice\ncomplaint", "other"),
    ],
)
def test_a_judge_takes_a_name_that_it_knows_and_nothing_else(
    stage: NodeStage, fake: FakeModelServer, answer: str, way: str
) -> None:
    fake.options.text = answer
    config = {
        "mode": "judge",
        "question": "What is {{mail}} about?",
        "classes": CLASSES,
        "agent_id": stage.agent(tools=("calculator",)),
    }
    run, outcome = stage.run("condition", config, mail="Pay {us}")
    assert (outcome.status, outcome.output, outcome.branch) == ("succeeded", way, way)
    assert stage.sent(0) == (
        "What is Pay {us} about?\n\nWhich one of these fits? Answer with its name alone, as it is written here.\n"
        "- Invoice: asks for money\n- complaint\n- other: none of these"
    )
    body = json.loads(fake.chats[0].body)
    assert ("tools" in body, body["temperature"]) == (False, 0)
    assert [(call.node_id, call.cost_micros) for call in stage.calls(run)] == [("n", CALL_MICROS)]
    assert fake.totals() == (1, 100, 20)


def test_a_judge_whose_key_does_not_work_fails(stage: NodeStage, fake: FakeModelServer) -> None:
    agent_id = stage.agent("fake-1@fault=401")
    config = {"mode": "judge", "question": "What?", "classes": CLASSES, "agent_id": agent_id}
    assert stage.run("condition", config)[1].code == "bad_key"


# --- waits ---------------------------------------------------------------------------------------


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    moments = [datetime(2026, 11, 30, 12, 0, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: moments[-1])
    return moments


@pytest.mark.parametrize(
    ("config", "due_at"),
    [
        ({"mode": "for", "minutes": 90}, datetime(2026, 11, 30, 13, 30, tzinfo=UTC)),
        ({"mode": "until", "moment": "2026-11-30T14:00+01:00"}, datetime(2026, 11, 30, 13, 0, tzinfo=UTC)),
        ({"mode": "until", "moment": "2026-12-01"}, datetime(2026, 12, 1, tzinfo=UTC)),
        ({"mode": "value", "value": "due"}, datetime(2026, 12, 2, 8, 0, tzinfo=UTC)),
    ],
)
def test_a_wait_goes_on_at_one_moment_however_often_it_is_looked_at(
    stage: NodeStage, now: list[datetime], config: dict[str, Any], due_at: datetime
) -> None:
    run = stage.queued("wait", config, due="2026-12-02T08:00")
    outcome = stage.execute(run)
    assert (outcome.status, outcome.due_at) == ("waiting", due_at)
    now.append(due_at - timedelta(seconds=30))
    assert (stage.execute(run).status, stage.execute(run).due_at) == ("waiting", due_at)
    now.append(due_at)
    done = stage.execute(run)
    assert (done.status, done.output) == ("succeeded", due_at.isoformat())


def test_a_wait_for_a_moment_that_is_over_goes_on_at_once(stage: NodeStage) -> None:
    assert stage.run("wait", {"mode": "for", "minutes": 0})[1].status == "succeeded"
    assert stage.run("wait", {"mode": "until", "moment": "2020-01-01"})[1].output == "2020-01-01T00:00:00+00:00"
    assert stage.run("wait", {"mode": "value", "value": "due"}, due="soon")[1].code == "value_wrong"


# --- for each ------------------------------------------------------------------------------------


def test_the_same_is_done_with_every_entry(stage: NodeStage) -> None:
    body = {"kind": "template", "text": "{{item.name}} for {{who}}"}
    config = {"items": "orders", "parallel": 3, "body": body}
    orders = [{"name": f"order {number}"} for number in range(7)]
    run, outcome = stage.run("for_each", config, orders=json.dumps(orders), who="Zoe")
    assert outcome.output == [f"order {number} for Zoe" for number in range(7)]
    rounds = stage.core.journal.nodes.rounds(run.id, "n")
    assert [(state.item, state.status) for state in rounds] == [(number, "succeeded") for number in range(7)]
    assert stage.run("for_each", config, orders=[], who="Zoe")[1].output == []


def test_an_agent_works_on_every_entry_and_each_call_is_counted(stage: NodeStage, fake: FakeModelServer) -> None:
    body = {
        "kind": "agent",
        "agent_id": stage.agent(),
        "task": "Look at MARK-{{item}}.",
        "answer": "fields",
        "answer_fields": [{"name": "n", "type": "number"}],
    }
    fake.options.says = json.dumps([[f"MARK-{number}", f'{{"n": {number}}}'] for number in range(4)])
    run, outcome = stage.run("for_each", {"items": "l", "parallel": 4, "body": body}, l=[0, 1, 2, 3])
    assert outcome.output == [{"n": number} for number in range(4)]
    assert fake.totals().calls == 4
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 4 * CALL_MICROS


def test_a_list_that_is_none_or_too_long_is_told(stage: NodeStage) -> None:
    config = {"items": "l", "body": {"kind": "template", "text": "x"}}
    assert stage.run("for_each", config, l="a, b")[1].code == "value_wrong"
    outcome = stage.run("for_each", config, l=[0] * 1001)[1]
    assert outcome.code == "too_many_entries"
    assert outcome.message is not None
    assert outcome.message.startswith("l has 1001 entries, and 1000 at most")


def test_a_round_that_fails_is_the_failure_of_the_node(stage: NodeStage) -> None:
    body = {"kind": "transform", "operation": "to_number", "source": "item"}
    _, outcome = stage.run("for_each", {"items": "l", "body": body}, l=["1", "two", "3"])
    assert (outcome.code, outcome.message) == ("value_wrong", "“two” is not a number, which item should be.")


# --- workflows inside ----------------------------------------------------------------------------


@pytest.fixture
def above(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walks]:
    with walks(core, alice, monkeypatch) as made:
        yield made


def published(above: Walks, *outputs: str) -> str:
    """Publish a workflow that doubles an amount, with these outputs."""
    nodes: dict[str, dict[str, Any]] = {
        "begin": {"kind": "input", "fields": [{"name": "amount", "type": "number"}]},
        "double": {"kind": "tool", "tool": "calculator", "arguments": {"expression": "{{amount}} * 2"}},
    }
    nodes |= {name: {"kind": "output", "name": name, "value": f"{name} {{{{double}}}}"} for name in outputs}
    graph = document_of(nodes, "begin > double", *(f"double > {name}" for name in outputs))
    made = above.core.workflows.create(above.alice, "Inside", "hr", graph=graph)
    above.core.workflows.publish(above.alice, made.id)
    return made.id


@pytest.mark.parametrize(
    ("outputs", "result"),
    [((), "10000"), (("a",), "a 10000"), (("a", "b"), {"a": "a 10000", "b": "b 10000"})],
)
def test_a_workflow_inside_takes_typed_inputs_and_gives_its_outputs(
    above: Walks, outputs: tuple[str, ...], result: Any
) -> None:
    inner = {"kind": "workflow", "workflow_id": published(above, *outputs), "inputs": {"amount": "{{n}}"}}
    run = above.start({"inside": inner}, n="5,000")
    assert above.follow(run) is None
    (child,) = above.children(run)
    assert child.inputs == {"amount": 5000}
    above.end(child)
    above.outcome(run)
    assert above.states(run)["inside"].output == result


def test_a_workflow_inside_that_gets_a_wrong_input_fails_with_its_name(above: Walks) -> None:
    inner = {"kind": "workflow", "workflow_id": published(above), "inputs": {"amount": "{{n}} euros"}}
    run = above.start({"inside": inner}, n="5")
    with pytest.raises(CoreError, match="amount: Enter a number"):
        above.follow(run)
    assert above.children(run) == []
