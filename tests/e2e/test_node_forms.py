"""Every kind of node is set up by its form in a browser, and the draft says what was typed. One page for all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from app.ui.node_form_lists import FIELD_COLUMNS
from app.ui.node_form_place import TYPES
from core import clock
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.engine.forms import FormField
from core.engine.graph import read_graph
from core.engine.nodes.registry import all_kinds
from core.engine.rules import upstream_values
from core.keys.models import KeyDraft
from tests.conftest import PASSWORD
from tests.e2e.node_forms import FormFiller
from tests.e2e.person import Person, somebody
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer
from tests.support.kind_examples import EXAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# What the examples ask for.
INPUTS = {
    "invoice": "text",
    "topic": "text",
    "orders": "list",
    "customer": "text",
    "name": "text",
    "limit": "number",
}
# More than the examples show: an agent that stands in the node, a model that judges, an agent in a body.
ALSO: dict[str, dict[str, Any]] = {
    "agent": {
        "is_inline": True,
        "agent": {"role": "Clerk", "goal": "Read.", "key_id": "key_1", "model": "fake-1", "tools": ["calculator"]},
        "task": "Read {{invoice}}.",
        "answer": "text",
    },
    "condition": {
        "mode": "judge",
        "question": "What is {{invoice}} about?",
        "classes": [{"name": "money", "description": "asks for money"}, {"name": "complaint"}],
        "agent_id": "agent_1",
    },
    "for_each": {
        "items": "orders",
        "parallel": 2,
        "body": {"kind": "agent", "agent_id": "agent_1", "task": "Check {{item}}.", "answer": "text"},
    },
    "crew": {
        "process": "hierarchical",
        "manager_id": "agent_1",
        "agent_ids": ["agent_2"],
        "task": "Write about {{topic}}.",
    },
}


class Stage:
    """Alice's drawing board: one node of each kind behind nodes that give what the examples ask for."""

    def __init__(self, core: Core, fake: FakeModelServer) -> None:
        self.core = core
        self.alice: User = core.accounts.create_user("alice@example.com", "Alice", PASSWORD, "member").proven(
            clock.now()
        )
        draft = KeyDraft("Team server", "openai_compatible", "zk-form-key-0123456789abcdef", fake.openai_url, 1, 1)
        key = core.keys.add(self.alice, draft)
        agents = [
            core.agents.create(
                self.alice,
                {"name": name, "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "fake-1"},
            )
            for name in ("Reader", "Writer")
        ]
        other = core.workflows.create(self.alice, "Other one", "hr", "", _other())
        core.workflows.publish(self.alice, other.id)
        self.ids = {"agent_1": agents[0].id, "agent_2": agents[1].id, "key_1": key.id, "workflow_1": other.id}
        self.workflow = core.workflows.create(self.alice, "All kinds", "hr", "", _board())
        self.names = {
            agents[0].id: "Reader · fake-1",
            agents[1].id: "Writer · fake-1",
            key.id: "Team server",
            other.id: "Other one",
            "finance": "Finance",
        }

    def with_ids(self, config: dict[str, Any]) -> dict[str, Any]:
        """Return settings of an example with the ids of this stage."""
        text = json.dumps(config)
        for name, real in self.ids.items():
            text = text.replace(f'"{name}"', f'"{real}"')
        found: dict[str, Any] = json.loads(text)
        return found

    def values_for(self, node_id: str) -> dict[str, str]:
        """Return how the pickers call the values that a node can use."""
        offers = upstream_values(read_graph(self.workflow.graph), node_id, in_body=True)
        return {offer.path: f"{offer.title} · {TYPES[offer.type]}" for offer in offers}

    def saved(self, node_id: str) -> dict[str, Any]:
        graph = self.core.workflows.get(self.alice, self.workflow.id).graph
        node = next(one for one in graph["nodes"] if one["id"] == node_id)
        return {name: value for name, value in node.items() if name not in ("id", "kind", "label", "position")}


def _other() -> dict[str, Any]:
    return {
        "nodes": [
            {"id": "start", "kind": "input", "fields": [{"name": "topic", "type": "text"}]},
            {"id": "end", "kind": "output", "name": "answer", "value": "{{topic}}"},
        ],
        "edges": [{"source": "start", "target": "end"}],
    }


def _board() -> dict[str, Any]:
    """Return a graph: input, two nodes whose results the examples use, and behind them one node of every kind."""
    fields = [{"name": name, "type": kind} for name, kind in INPUTS.items()]
    answer = [{"name": "amount", "type": "number"}]
    nodes: list[dict[str, Any]] = [
        {"id": "input", "kind": "input", "label": "Input", "fields": fields},
        {"id": "extract", "kind": "agent", "label": "Extract", "answer": "fields", "answer_fields": answer},
        {"id": "write", "kind": "template", "label": "Write", "text": "Dear {{customer}}"},
    ]
    edges = [{"source": "input", "target": "extract"}, {"source": "extract", "target": "write"}]
    for kind in all_kinds().values():
        if kind.is_target:
            nodes.append({"id": f"a_{kind.name}", "kind": kind.name, "label": kind.label, **kind.initial})
            edges.append({"source": "write", "target": f"a_{kind.name}"})
    return {"nodes": nodes, "edges": edges}


@pytest.fixture(scope="module")
def stage(server: AppServer, fake_models: FakeModelServer) -> Iterator[Stage]:
    core = build_core(
        load_settings(ZOARK_DATA_DIR=server.data_dir, ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake_models.port}")
    )
    yield Stage(core, fake_models)
    core.close()


@pytest.fixture(scope="module")
def alice(browser: Browser, server: AppServer, stage: Stage) -> Iterator[Person]:
    """Alice at the list of her workflow."""
    with somebody(browser, server, viewport={"width": 1280, "height": 1400}, timezone_id="Europe/Berlin") as person:
        person.open()
        person.sign_in("alice@example.com", PASSWORD)
        person.sees_shell()
        open_list(person, stage)
        yield person


def open_list(person: Person, stage: Stage) -> None:
    person.open(f"/workflow?id={stage.workflow.id}&view=Edit")
    person.page.get_by_text("List", exact=True).click()
    expect(person.button("Add a node")).to_be_visible()
    person.idle()


Settings = dict[str, Any]


def set_up(alice: Person, stage: Stage, kind_name: str, config: Settings) -> tuple[Settings, Settings]:
    """Type the settings into the form of a kind's node and save; return what the draft says, and what it should."""
    kind = all_kinds()[kind_name]
    node_id = f"a_{kind_name}" if kind.is_target else "input"
    wanted = stage.with_ids(config)
    if alice.page.get_by_role("dialog").count():  # a test before has failed
        open_list(alice, stage)
    alice.page.locator(f".st-key-list_edit_{node_id}").get_by_role("button").click()
    drawer = alice.page.get_by_role("dialog")
    expect(drawer.get_by_role("textbox", name="Short name")).to_have_value(node_id)
    alice.idle()
    FormFiller(alice, {**stage.names, **stage.values_for(node_id)}).fill(kind.form, wanted, f"node_{node_id}")
    alice.idle()
    save = drawer.get_by_role("button", name="Save", exact=True)
    expect(save).to_have_count(1)  # for a moment the form before is there too
    save.click()
    expect(drawer).to_have_count(0)
    alice.idle()
    return usual_left_out(kind.form, stage.saved(node_id)), usual_left_out(kind.form, wanted)


def usual_left_out(form: Sequence[FormField], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without those that are as they would be anyway: a form may store them or not."""
    found = dict(config)
    for field in form:
        value = found.get(field.name)
        if field.name in found and value == field.default:
            del found[field.name]
        columns = FIELD_COLUMNS if field.widget == "fields" else field.columns
        if field.widget == "node" and isinstance(value, dict):
            columns = all_kinds()[value["kind"]].form
        if columns and isinstance(value, dict):
            found[field.name] = usual_left_out(columns, value)
        elif columns and isinstance(value, list):
            found[field.name] = [usual_left_out(columns, row) for row in value]
    return found


def test_the_examples_are_of_every_kind_that_there_is() -> None:
    assert set(EXAMPLES) == set(all_kinds())


@pytest.mark.parametrize("kind_name", [name for name in all_kinds() if name != "input"])
def test_a_kind_is_set_up_by_its_form(alice: Person, stage: Stage, kind_name: str) -> None:
    saved, wanted = set_up(alice, stage, kind_name, EXAMPLES[kind_name])
    assert saved == wanted


@pytest.mark.parametrize("kind_name", ALSO)
def test_a_kind_is_set_up_in_another_way(alice: Person, stage: Stage, kind_name: str) -> None:
    saved, wanted = set_up(alice, stage, kind_name, ALSO[kind_name])
    assert saved == wanted


def test_an_input_is_set_up_by_its_form(alice: Person, stage: Stage) -> None:
    """Last: the others use what it asks for."""
    saved, wanted = set_up(alice, stage, "input", EXAMPLES["input"])
    assert saved == wanted
