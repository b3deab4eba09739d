"""Answers in a form: the model is told it, what it says is read by it, and one answer may be put right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Invalid
from tests.fakes.model_server import FakeModelServer
from tests.support.node_stage import CALL_MICROS, NodeStage, worker_like_process

# Nothing here depends on the kind of database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FIELDS = [
    {"name": "amount", "type": "number", "help": "The total."},
    {"name": "due", "type": "date"},
    {"name": "note", "type": "text", "is_required": False},
]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "team": {"enum": ["Billing", "Technical"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["team"],
    "additionalProperties": False,
}
REPAIR = "not in the form"


@pytest.fixture(scope="module", autouse=True)
def prepared_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with worker_like_process(tmp_path_factory.mktemp("crewai")):
        yield


@pytest.fixture
def stage(core: Core, alice: User, fake: FakeModelServer) -> NodeStage:
    return NodeStage(core, alice, fake)


def let_say(fake: FakeModelServer, first: str, repaired: str = "") -> None:
    """Let the model say one thing, and another when it is asked to put that into the form."""
    fake.options.says = json.dumps([[REPAIR, repaired or first], ["", first]])


def with_fields(stage: NodeStage, first: str, repaired: str = "", **agent: Any) -> dict[str, Any]:
    let_say(stage.fake, first, repaired)
    return {
        "agent_id": stage.agent(**agent),
        "task": "Read {{invoice}}.",
        "answer": "fields",
        "answer_fields": FIELDS,
    }


def test_an_agent_gives_the_fields_that_it_is_asked_for(stage: NodeStage, fake: FakeModelServer) -> None:
    said = 'Here it is:\n```json\n{"amount": "5,000", "due": "2026-11-30", "more": 1}\n```\nAnything else?'
    run, outcome = stage.run("agent", with_fields(stage, said), invoice="Invoice {7}")
    assert outcome.output == {"amount": 5000, "due": "2026-11-30", "note": None}
    assert stage.data(run, "node_finished") == [{"output": outcome.output}]
    assert len(fake.chats) == 1
    told = stage.sent(0)
    assert "Read Invoice {7}." in told
    assert "- amount (number): The total." in told
    assert '- due (date, such as "2026-11-30")' in told
    assert "- note (text, or null when it is not known)" in told


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        ("I cannot say.", "“I cannot say.” is not JSON, which the answer should be."),
        ('["amount"]', "is not an object, which the answer should be."),
        ('{"amount": "much", "due": "2026-11-30"}', "“much” is not a number, which amount should be."),
        ('{"amount": 5}', "There is no value at due in the answer."),
        ('{"amount": NaN, "due": "2026-11-30"}', "is not JSON, which the answer should be."),
    ],
)
def test_an_answer_in_another_form_is_put_right_once(
    stage: NodeStage, fake: FakeModelServer, first: str, reason: str
) -> None:
    config = with_fields(stage, first, '{"amount": 7, "due": "2026-11-30"}', tools=("calculator",))
    run, outcome = stage.run("agent", config, invoice="x")
    assert outcome.output == {"amount": 7, "due": "2026-11-30", "note": None}
    assert len(fake.chats) == 2
    asked = stage.sent(1)
    assert reason in asked
    assert first in asked
    assert "tools" not in json.loads(fake.chats[1].body), "only the form is asked for again"
    calls = stage.calls(run)
    assert [(call.status, call.cost_micros, call.node_id) for call in calls] == [("answered", CALL_MICROS, "n")] * 2


def test_an_answer_that_stays_in_another_form_fails_with_the_reason(
    stage: NodeStage, fake: FakeModelServer
) -> None:
    run, outcome = stage.run("agent", with_fields(stage, "No.", "Still no."), invoice="x")
    assert (outcome.status, outcome.code) == ("failed", "answer_not_in_form")
    assert outcome.message is not None
    assert "“Still no.” is not JSON" in outcome.message
    assert len(fake.chats) == 2, "it is not tried again by itself"
    assert stage.core.runs.get(stage.alice, run.id).totals.cost_micros == 2 * CALL_MICROS


def test_an_agent_with_a_schema_answers_as_it_says(stage: NodeStage, fake: FakeModelServer) -> None:
    let_say(fake, '{"team": "Sales"}', '{"team": "Billing", "tags": ["late"]}')
    agent_id = stage.agent(output_schema=SCHEMA)
    _, outcome = stage.run("agent", {"agent_id": agent_id, "task": "Sort.", "answer": "schema"})
    assert outcome.output == {"team": "Billing", "tags": ["late"]}
    assert '"additionalProperties": false' in stage.sent(0)
    assert "team: 'Sales' is not one of ['Billing', 'Technical']" in stage.sent(1)
    _, as_text = stage.run("agent", {"agent_id": agent_id, "task": "Sort."})
    assert json.loads(as_text.output) == outcome.output


def test_a_run_of_an_agent_with_a_schema_gives_json_as_text(stage: NodeStage, fake: FakeModelServer) -> None:
    let_say(fake, '```\n{"team": "Billing"}\n```')
    agent_id = stage.agent(output_schema=SCHEMA)
    run = stage.core.runs.start_agent_run(stage.alice, agent_id, "Sort this.")
    assert stage.execute(run).output == '{\n  "team": "Billing"\n}'


def test_an_agent_without_a_schema_is_not_asked_for_one(stage: NodeStage, fake: FakeModelServer) -> None:
    _, outcome = stage.run("agent", {"agent_id": stage.agent(), "task": "Sort.", "answer": "schema"})
    assert outcome.code == "answer_not_in_form"
    assert fake.chats == []


def test_what_leads_to_an_agent_is_added_below_its_task(stage: NodeStage) -> None:
    config = {"agent_id": stage.agent(), "task": "Work on {{a}}."}
    run = stage.queued("agent", config, a="A")
    stage.execute(run, ("b", "a", "check"), b={"x": 1}, check=True)
    told = stage.sent(0)
    assert 'Work on A.\n\nResult of b:\n{\n  "x": 1\n}' in told
    assert "check" not in told


def test_an_agent_may_stand_in_the_node(stage: NodeStage, fake: FakeModelServer) -> None:
    agent = {"role": "clerk", "goal": "read", "key_id": stage.key.id, "model": "fake-1"}
    run, outcome = stage.run("agent", {"is_inline": True, "agent": agent, "task": "Read MARK-1."})
    assert outcome.output == "Fake answer 1. MARK-1"
    assert [call.cost_micros for call in stage.calls(run)] == [CALL_MICROS]


# --- saving a schema -----------------------------------------------------------------------------


def test_a_schema_is_kept_as_it_was_given(stage: NodeStage) -> None:
    for given in (SCHEMA, json.dumps(SCHEMA)):
        agent_id = stage.agent(output_schema=given)
        assert stage.core.agents.get(stage.alice, agent_id).definition.output_schema == SCHEMA
    for empty in (None, "", " \n"):
        agent_id = stage.agent(output_schema=empty)
        assert stage.core.agents.get(stage.alice, agent_id).definition.output_schema is None


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it has to be a JSON object"),
        (5, "it has to be a JSON object"),
        ({"type": "string"}, "it has to be a JSON object"),
        ({"type": "object", "properties": []}, "“properties” has to be an object"),
        ({"type": "object", "properties": {"a": True}}, "have to be objects"),
        ({"type": "object", "properties": {"a": {"$ref": "http://10.0.0.1/"}}}, "“$ref” is not supported"),
        ({"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}}, "“pattern” is not supported"),
        ({"type": "object", "anyOf": []}, "“anyOf” is not supported"),
        ({"type": "object", "additionalProperties": {}}, "only be true or false"),
        ({"type": "object", "required": "a"}, "required is not valid JSON Schema"),
        ({"type": "object", "properties": {"a": {"type": "int"}}}, "properties.a.type is not valid JSON Schema"),
        ({"type": "object", "description": "x" * 20_001}, "longer than 20,000 characters"),
        (nested(15), "nested more than 12 levels deep"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_when_it_is_saved(
    stage: NodeStage, schema: object, reason: str
) -> None:
    with pytest.raises(Invalid) as caught:
        stage.agent(output_schema=schema)
    assert caught.value.field == "output_schema"
    assert reason in caught.value.sentence
    assert caught.value.sentence.startswith("Output schema: ")
