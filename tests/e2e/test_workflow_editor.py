"""A workflow is built by mouse on the canvas, and again by keyboard alone; two people edit, and one is warned."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from core import clock
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.engine.nodes.registry import all_kinds
from core.keys.models import KeyDraft
from core.sharing.models import Grantee
from core.workflows.models import Draft
from tests.conftest import PASSWORD
from tests.e2e.node_forms import FormFiller
from tests.e2e.person import Person, somebody
from tests.e2e.test_canvas import Desk, middle
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

# The ends of the one connection that a new workflow has.
BEGINNING = (("Input", "source"), ("Output", "target"))
ANSWER = [{"name": "supplier", "type": "text"}, {"name": "amount", "type": "number"}]
# What the nodes say between input and output.
EXTRACT = {"task": "Read {{text}}.", "answer": "fields", "answer_fields": ANSWER}
CHECK = {"mode": "compare", "left": "extract.amount", "type": "number", "operator": ">", "right": "5000"}
ASK = {"approver": {"kind": "department", "id": "finance"}, "title": "Pay {{extract.amount}}?"}
MAIL = {"task": "Write to {{extract.supplier}}."}
RESULT = {"value": "{{mail}}"}
EDGES = {
    ("input", "", "extract"),
    ("extract", "", "check"),
    ("check", "true", "ask"),
    ("check", "false", "mail"),
    ("ask", "approved", "mail"),
    ("mail", "", "output"),
}


class Stage:
    """Alice with an agent, and Bob."""

    def __init__(self, core: Core, fake: FakeModelServer) -> None:
        self.core = core
        self.alice, self.bob = (
            core.accounts.create_user(f"{name}@example.com", name.title(), PASSWORD, "member").proven(clock.now())
            for name in ("alice", "bob")
        )
        draft = KeyDraft("Server", "openai_compatible", "zk-edit-key-0123456789abcdef", fake.openai_url, 1, 1)
        key = core.keys.add(self.alice, draft)
        fields = {"name": "Clerk", "department": "hr", "role": "r", "goal": "g", "model": "fake-1"}
        self.agent = core.agents.create(self.alice, {**fields, "key_id": key.id})
        self.names = {
            self.agent.id: "Clerk · fake-1",
            "finance": "Finance",
            "extract.amount": "Extract: amount · number",
        }

    def workflow(self, name: str) -> Draft:
        return self.core.workflows.create(self.alice, name, "finance")

    def graph(self, workflow_id: str) -> Any:
        return self.core.workflows.get(self.alice, workflow_id).graph

    def edges(self, workflow_id: str) -> set[tuple[str, str, str]]:
        found = self.graph(workflow_id)["edges"]
        return {(edge["source"], edge.get("when", ""), edge["target"]) for edge in found}


@pytest.fixture(scope="module")
def stage(server: AppServer, fake_models: FakeModelServer) -> Iterator[Stage]:
    allowed = f"127.0.0.1:{fake_models.port}"
    core = build_core(load_settings(ZOARK_DATA_DIR=server.data_dir, ZOARK_ENDPOINT_ALLOWLIST=allowed))
    yield Stage(core, fake_models)
    core.close()


def opened(person: Person, email: str, path: str) -> Desk:
    person.open()
    person.sign_in(email, PASSWORD)
    person.sees_shell()
    person.open(path)
    desk = Desk(person.page)
    expect(desk.canvas.get_by_role("application")).to_be_visible()
    person.idle()
    return desk


def save(person: Person) -> None:
    drawer = person.page.get_by_role("dialog")
    save = drawer.get_by_role("button", name="Save", exact=True)
    expect(save).to_have_count(1)  # for a moment the form before is there too
    save.click()
    expect(drawer).to_have_count(0)
    person.idle()


def published(person: Person, stage: Stage, workflow_id: str) -> None:
    expect(person.page.get_by_text("Version 1 was published.")).to_be_visible()
    assert stage.core.workflows.facts(stage.alice, workflow_id).published_version == 1
    assert stage.edges(workflow_id) == EDGES
    nodes = {node["id"]: node for node in stage.graph(workflow_id)["nodes"]}
    assert nodes["extract"]["agent_id"] == nodes["mail"]["agent_id"] == stage.agent.id
    assert nodes["extract"]["answer_fields"] == ANSWER
    wanted = {"extract": EXTRACT, "check": CHECK, "ask": ASK, "mail": MAIL, "output": RESULT}
    for node_id, settings in wanted.items():
        assert settings.items() <= nodes[node_id].items()


def test_a_workflow_is_built_by_mouse_on_the_canvas(browser: Browser, server: AppServer, stage: Stage) -> None:
    with somebody(browser, server, viewport={"width": 1600, "height": 1000}) as alice:
        alice.open()
        alice.sign_in("alice@example.com", PASSWORD)
        alice.sees_shell()
        alice.go("Workflows")
        alice.button("New workflow").first.click()
        alice.field("Name").fill("By mouse")
        alice.button("Make workflow").click()
        desk = Desk(alice.page)
        expect(desk.canvas.get_by_role("application")).to_be_visible()
        alice.idle()
        workflow_id = stage.core.workflows.list(stage.alice)[0].id

        ends = [middle(desk.node(f"{name}, ").locator(f".{end}")) for name, end in BEGINNING]
        alice.page.mouse.click(*((a + b) / 2 for a, b in zip(*ends, strict=True)))
        desk.button("Delete").click()
        expect(desk.said).to_contain_text("1 connection deleted")
        for kind, node_id, label, settings in (
            ("Agent", "extract", "Extract", EXTRACT),
            ("Condition", "check", "Over 5,000?", CHECK),
            ("Approval", "ask", "Ask Finance", ASK),
            ("Agent", "mail", "Draft e-mail", MAIL),
        ):
            desk.button(kind).click()
            before = {"Agent": "Input", "Condition": "Extract", "Approval": "Over 5,000?"}
            source = "Over 5,000?" if node_id == "mail" else before[kind]
            new = desk.node(f"{kind}, {kind}")
            expect(new).to_be_visible()
            join(desk, desk.node(f"{source}, "), 1 if node_id == "mail" else 0, new)
            alice.idle()
            new.dblclick(position={"x": 60, "y": 12})
            fill(alice, stage, f"{kind.lower()}_1", {"label": label, "id": node_id}, kind.lower(), settings)
        desk.button("Arrange").click()  # which shows everything, too
        expect(desk.said).to_have_text("Arranged")
        join(desk, desk.node("Ask Finance, "), 0, desk.node("Draft e-mail, "))
        join(desk, desk.node("Draft e-mail, "), 0, desk.node("Output, "))
        alice.idle()
        desk.node("Output, ").dblclick(position={"x": 60, "y": 12})
        fill(alice, stage, "output", {}, "output", RESULT)
        alice.button("Publish").click()
        alice.page.get_by_role("dialog").get_by_role("button", name="Publish").click()
        published(alice, stage, workflow_id)
        assert alice.violations() == []


def join(desk: Desk, source: Locator, way: int, target: Locator) -> None:
    """Click where a node's way on begins, then where it should lead."""
    source.locator(".source").nth(way).click()
    target.locator(".target").click()
    expect(desk.said).to_contain_text("Connected")


def fill(
    person: Person, stage: Stage, node_id: str, names: dict[str, str], kind: str, settings: dict[str, Any]
) -> None:
    drawer = person.page.get_by_role("dialog")
    expect(drawer.get_by_role("textbox", name="Short name")).to_have_value(node_id)
    person.idle()
    for name, text in names.items():
        person.page.locator(f".st-key-node_{node_id}_{name} input").fill(text)
    given = {"agent_id": stage.agent.id, **settings} if kind == "agent" else settings
    FormFiller(person, stage.names).fill(all_kinds()[kind].form, given, f"node_{node_id}")
    save(person)


class Keys:
    """Somebody who has no mouse: goes on by Tab, types, and presses Enter."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.keyboard = person.page.keyboard

    def to(self, locator: Locator) -> None:
        """Press Tab until something has the focus."""
        for _ in range(150):
            if locator.count() and locator.first.evaluate(
                "e => { let a = document.activeElement; while (a && a.shadowRoot) a = a.shadowRoot.activeElement;"
                " return a === e || (e.contains(a) && e !== document.body) }"
            ):
                return
            self.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {locator}.")

    def find(self, desk: Desk, title: str) -> None:
        """Go to a node of the canvas by its search."""
        self.to(desk.canvas.get_by_role("application"))
        self.keyboard.press("/")
        desk.choose(title)
        expect(desk.node(f"{title}, ")).to_be_focused()

    def press(self, name: str, within: Locator | None = None) -> None:
        place = within if within is not None else self.person.page
        self.to(place.get_by_role("button", name=name, exact=True))
        self.keyboard.press("Enter")
        self.person.idle()

    def choose(self, key: str, text: str) -> None:
        self.to(self.person.page.locator(f".st-key-{key}").get_by_role("combobox"))
        self.keyboard.type(text)
        expect(self.person.page.get_by_role("option", name=text).first).to_be_visible()
        self.keyboard.press("Enter")
        self.person.idle()

    def type(self, key: str, text: str) -> None:
        self.to(self.person.page.locator(f".st-key-{key}").locator("input, textarea"))
        self.keyboard.press("Control+a")
        self.keyboard.type(text)
        self.keyboard.press("Tab")
        self.person.idle()


def test_a_workflow_is_built_by_keyboard_alone(browser: Browser, server: AppServer, stage: Stage) -> None:
    """The list editor makes the first half, the keys of the canvas the second; nobody touches a mouse."""
    workflow_id = stage.workflow("By keys").id
    with somebody(browser, server, viewport={"width": 1280, "height": 1400}) as alice:
        desk = opened(alice, "alice@example.com", f"/workflow?id={workflow_id}&view=Edit")
        keys = Keys(alice)
        keys.find(desk, "Input")
        desk.press("e")
        desk.choose("Input to Output")
        expect(desk.said).to_have_text("1 connection deleted")
        alice.idle()
        keys.to(alice.page.get_by_role("radio", name="Canvas").or_(alice.button("Canvas")))
        keys.keyboard.press("ArrowRight")
        keys.keyboard.press("Space")
        expect(alice.button("Add a node")).to_be_visible()
        alice.idle()
        drawer = alice.page.get_by_role("dialog")

        keys.press("Add a node")
        keys.choose("list_add_kind", "Agent")
        keys.choose("list_add_after", "Input")
        keys.press("Add node", drawer)
        expect(drawer.get_by_role("textbox", name="Short name")).to_have_value("agent_1")
        keys.type("node_agent_1_label", "Extract")
        keys.type("node_agent_1_id", "extract")
        keys.choose("node_agent_1_agent_id", "Clerk")
        keys.type("node_agent_1_task", EXTRACT["task"])
        keys.choose("node_agent_1_answer", "Fields that you name")
        for number, field in enumerate(ANSWER):
            if number:
                keys.press("Add to fields of the answer", drawer)
            keys.type(f"node_agent_1_answer_fields_{number}_name", field["name"])
            if field["type"] != "text":
                keys.choose(f"node_agent_1_answer_fields_{number}_type", field["type"].title())
        keys.press("Save", drawer)
        expect(drawer).to_have_count(0)

        keys.press("Add a node")
        keys.choose("list_add_kind", "Condition")
        keys.choose("list_add_after", "Extract")
        keys.press("Add node", drawer)
        keys.type("node_condition_1_id", "check")
        keys.choose("node_condition_1_left", "Extract: amount · number")
        keys.type("node_condition_1_right", "5000")
        keys.press("Save", drawer)
        expect(drawer).to_have_count(0)
        assert stage.edges(workflow_id) >= {("input", "", "extract"), ("extract", "", "check")}

        keys.to(alice.page.get_by_role("radio", name="List").or_(alice.button("List")))
        keys.keyboard.press("ArrowLeft")
        keys.keyboard.press("Space")
        expect(desk.canvas.get_by_role("application")).to_be_visible()
        alice.idle()
        keys.find(desk, "Condition")
        desk.press("a")
        desk.choose("Approval")
        expect(desk.said).to_contain_text("Approval added after Condition")
        expect(desk.node("Approval, Approval")).to_be_focused()
        alice.idle()
        desk.press("Enter")
        expect(drawer.get_by_role("textbox", name="Short name")).to_have_value("approval_1")
        keys.type("node_approval_1_label", "Ask Finance")
        keys.type("node_approval_1_id", "ask")
        keys.to(drawer.get_by_role("radio", name="A person").or_(drawer.get_by_role("button", name="A person")))
        desk.press("ArrowRight", "ArrowRight", "Space")
        keys.choose("node_approval_1_approver_department", "Finance")
        keys.type("node_approval_1_title", ASK["title"])
        keys.press("Save", drawer)
        expect(drawer).to_have_count(0)

        keys.find(desk, "Ask Finance")
        desk.press("a")
        desk.choose("Agent")
        expect(desk.node("Agent, Agent")).to_be_focused()
        alice.idle()
        desk.press("Enter")
        expect(drawer.get_by_role("textbox", name="Short name")).to_have_value("agent_1")
        keys.type("node_agent_1_label", "Draft e-mail")
        keys.type("node_agent_1_id", "mail")
        keys.choose("node_agent_1_agent_id", "Clerk")
        keys.type("node_agent_1_task", MAIL["task"])
        keys.press("Save", drawer)
        expect(drawer).to_have_count(0)

        connect_by_keys(keys, desk, "Condition", "No", "Draft e-mail")
        connect_by_keys(keys, desk, "Draft e-mail", "Output")
        keys.find(desk, "Output")
        desk.press("Enter")
        keys.type("node_output_value", RESULT["value"])
        keys.press("Save", drawer)
        expect(drawer).to_have_count(0)
        keys.press("Publish")
        keys.press("Publish", drawer)
        published(alice, stage, workflow_id)


def connect_by_keys(keys: Keys, desk: Desk, source: str, *words: str) -> None:
    keys.find(desk, source)
    desk.press("c")
    desk.choose(*words)
    expect(desk.said).to_contain_text("Connected")
    keys.person.idle()


def test_the_second_of_two_editors_is_warned_and_loses_nothing(
    browser: Browser, server: AppServer, stage: Stage
) -> None:
    workflow = stage.workflow("Together")
    stage.core.sharing.grant(stage.alice, "workflow", workflow.id, Grantee("person", stage.bob.id), "edit")
    path = f"/workflow?id={workflow.id}&view=Edit"
    with somebody(browser, server) as alice, somebody(browser, server) as bob:
        desk = opened(alice, "alice@example.com", path)
        other = opened(bob, "bob@example.com", path)
        other.button("Template").click()
        expect(other.node("Template, Template")).to_be_visible()
        bob.idle()
        theirs = wait_for_nodes(stage, workflow.id, 3)
        desk.button("Condition").click()
        expect(alice.page.get_by_text("Bob saved this workflow")).to_be_visible()
        alice.idle()
        assert stage.graph(workflow.id) == theirs
        alice.button("Keep mine as a copy").click()
        expect(alice.page.get_by_role("heading", name="Together (mine)")).to_be_visible()
        copy = next(one for one in stage.core.workflows.list(stage.alice) if one.name == "Together (mine)")
        assert [node["kind"] for node in stage.graph(copy.id)["nodes"]] == ["input", "output", "condition"]
        assert stage.graph(workflow.id) == theirs


def wait_for_nodes(stage: Stage, workflow_id: str, count: int) -> Any:
    for _ in range(1200):
        graph = stage.graph(workflow_id)
        if len(graph["nodes"]) == count:
            return graph
        time.sleep(0.05)
    raise AssertionError(f"The draft never had {count} nodes.")
