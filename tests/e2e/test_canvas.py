"""The workflow canvas in a real browser, on a page of its own under the app's headers: mouse, keys and finger."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.app_server import AppServer

WIDE = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the page with the canvas is served."""
    server = AppServer(tmp_path_factory.mktemp("canvas"))
    command = [sys.executable, "-m", "streamlit", "run", str(Path(__file__).with_name("canvas_desk.py"))]
    options = ["--server.port", str(server.port), "--server.address", "127.0.0.1"]
    server.start_with([*command, *options], health="/_stcore/health")
    try:
        yield server.url
    finally:
        server.stop()


class Desk:
    """The page as a person uses it, and what it holds."""

    def __init__(self, page: Page) -> None:
        self.page = page
        # What was written to the console, a breach of the policy for one.
        self.messages: list[str] = []
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.canvas = page.get_by_label("Workflow canvas")
        self.said = self.canvas.get_by_role("status")

    def node(self, name: str | re.Pattern[str]) -> Locator:
        return self.canvas.get_by_role("group", name=name)

    def button(self, name: str) -> Locator:
        return self.canvas.get_by_role("button", name=name, exact=True)

    def held(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.page.get_by_test_id("stCode").inner_text())
        return found

    def waits_until(self, told: str, value: object) -> dict[str, Any]:
        """Wait until what the page tells is so; ``told`` is a name, or a path in the graph such as ``edges``."""
        for _ in range(1200):
            held = self.held()
            if reading(held, told) == value:
                return held
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{told}: {reading(self.held(), told)}, not {value}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, *words: str) -> None:
        """Type and choose in each box that comes up."""
        for word in words:
            self.page.keyboard.type(word)
            expect(self.page.get_by_role("option", name=word).first).to_be_visible()
            self.press("Enter")

    def drag(self, start: Locator, to: tuple[float, float] | Locator, *, by: bool = False) -> None:
        x, y = middle(start)
        end = to if isinstance(to, tuple) else middle(to)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(*((x + end[0], y + end[1]) if by else end), steps=8)
        self.page.mouse.up()


def reading(held: dict[str, Any], told: str) -> object:
    graph = held["graph"]
    if told == "nodes":
        return [node["id"] for node in graph["nodes"]]
    if told == "edges":
        return {(edge["source"], edge.get("when", ""), edge["target"]) for edge in graph["edges"]}
    return held[told]


def middle(locator: Locator) -> tuple[float, float]:
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@contextmanager
def opened(browser: Browser, address: str, query: str = "", **options: Any) -> Iterator[Desk]:
    """The page in a tab of its own."""
    context = browser.new_context(**{"viewport": WIDE, **options})
    with context:
        page = context.new_page()
        yield visited(page, address, query)


def visited(page: Page, address: str, query: str) -> Desk:
    desk = Desk(page)
    page.goto(f"{address}/?{query}")
    expect(desk.canvas.get_by_role("application")).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_be_visible()
    return desk


def test_a_person_builds_a_workflow_with_the_mouse(browser: Browser, address: str) -> None:
    with opened(browser, address, "graph=empty") as desk:
        expect(desk.canvas.get_by_text("Drag the first step here")).to_be_visible()
        desk.button("Input").drag_to(desk.canvas.locator(".ground"), target_position={"x": 160, "y": 200})
        desk.waits_until("nodes", ["input_1"])
        desk.button("Condition").click()
        desk.button("Agent").click()
        desk.waits_until("nodes", ["input_1", "condition_1", "agent_1"])

        condition = desk.node("Condition, Condition")
        desk.drag(desk.node("Input, Input").locator(".source"), condition.locator(".target"))
        expect(desk.said).to_have_text("Connected Input to Condition")
        condition.locator(".source").nth(1).click()
        desk.node("Agent, Agent").locator(".target").click()
        expect(desk.said).to_have_text("Connected Condition to Agent, otherwise")
        expect(desk.canvas.locator(".way-label")).to_have_text("otherwise")
        held = desk.waits_until("edges", {("input_1", "", "condition_1"), ("condition_1", "no", "agent_1")})
        assert held["stale"] == 0

        desk.drag(desk.node("Agent, Agent").locator(".card-title"), (0, 100), by=True)
        for _ in range(1200):
            moved = desk.held()["graph"]["nodes"][2]["position"]
            if moved != held["graph"]["nodes"][2]["position"]:
                break
            desk.page.wait_for_timeout(50)
        assert moved["y"] > held["graph"]["nodes"][2]["position"]["y"]

        desk.button("Edit Agent").click()
        desk.waits_until("opened", ["agent_1"])
        desk.node("Agent, Agent").dblclick(position={"x": 60, "y": 12})
        desk.waits_until("opened", ["agent_1", "agent_1"])

        desk.button("Delete").click()
        desk.waits_until("nodes", ["input_1", "condition_1"])
        desk.button("Undo").click()
        expect(desk.said).to_have_text("Undone: delete")
        desk.waits_until("nodes", ["input_1", "condition_1", "agent_1"])
        desk.waits_until("edges", {("input_1", "", "condition_1"), ("condition_1", "no", "agent_1")})
        assert desk.messages == []


def test_a_step_is_put_into_a_connection_by_a_click_and_by_dragging(browser: Browser, address: str) -> None:
    with opened(browser, address, reduced_motion="reduce") as desk:
        before = reading(desk.held(), "edges")
        assert isinstance(before, set)
        first, second = ("agent_1", "", "condition_1"), ("agent_2", "", "output_1")
        desk.page.mouse.click(*between(desk, "Extract amount", "Amount"))
        desk.button("Add a step here").click()
        desk.choose("Template")
        expect(desk.said).to_have_text("Template added between Extract amount and Amount")
        halves = {("agent_1", "", "template_1"), ("template_1", "", "condition_1")}
        held = desk.waits_until("edges", before - {first} | halves)
        at = {node["id"]: node["position"]["x"] for node in held["graph"]["nodes"]}
        assert at["agent_1"] < at["template_1"] < at["condition_1"] < at["output_1"]
        # What nothing can follow stands beside it instead.
        desk.page.mouse.click(*between(desk, "Extract amount", "Template"))
        desk.button("Output").click()
        desk.waits_until("edges", before - {first} | halves)
        desk.button("Undo").click()
        desk.button("Show everything").click()
        x, y = between(desk, "Draft e-mail", "Mail")
        ground = desk.canvas.locator(".ground").bounding_box()
        assert ground is not None
        target = {"x": x - ground["x"], "y": y - ground["y"]}
        desk.button("Wait").drag_to(desk.canvas.locator(".ground"), target_position=target)  # type: ignore[arg-type]
        expect(desk.said).to_have_text("Wait added between Draft e-mail and Mail")
        more = {("agent_2", "", "wait_1"), ("wait_1", "", "output_1")}
        desk.waits_until("edges", before - {first, second} | halves | more)
        assert desk.messages == []


def between(desk: Desk, source: str, target: str) -> tuple[float, float]:
    """Return the middle of the connection of two steps."""
    begin = middle(desk.node(re.compile(f"^{source}, ")).locator(".source"))
    end = middle(desk.node(re.compile(f"^{target}, ")).locator(".target"))
    return (begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2


def test_a_run_begins_at_the_step_that_the_page_tells_of(browser: Browser, address: str) -> None:
    with opened(browser, address, "mode=run", viewport={"width": 700, "height": 900}) as desk:
        mail = desk.node("Mail, Output")
        expect(mail).not_to_be_in_viewport()
        desk.page.get_by_role("button", name="Select the last").click()
        expect(mail).to_be_in_viewport()


def test_a_person_builds_a_workflow_with_the_keyboard_alone(browser: Browser, address: str) -> None:
    with opened(browser, address, "graph=empty") as desk:
        desk.page.get_by_role("button", name="Draw again").focus()
        ground = desk.canvas.get_by_role("application")
        for _ in range(40):
            if ground.evaluate("element => element.getRootNode().activeElement === element"):
                break
            desk.press("Tab")
        desk.press("a")
        desk.choose("Input")
        expect(desk.said).to_have_text("Input added")
        expect(desk.node("Input, Input")).to_be_focused()
        desk.press("a")
        desk.choose("Agent")
        expect(desk.said).to_have_text("Agent added after Input")
        desk.press("a")
        desk.choose("Condition")
        desk.waits_until("edges", {("input_1", "", "agent_1"), ("agent_1", "", "condition_1")})
        expect(desk.node("Condition, Condition")).to_be_focused()
        desk.press("a")
        desk.choose("Approval")
        desk.waits_until("nodes", ["input_1", "agent_1", "condition_1", "approval_1"])
        desk.press("a")
        desk.choose("Output")
        expect(desk.node("Output, Output")).to_be_focused()

        desk.press("ArrowLeft", "ArrowLeft")
        expect(desk.node("Condition, Condition")).to_be_focused()
        desk.press("c")
        desk.choose("otherwise", "Output")
        expect(desk.said).to_have_text("Connected Condition to Output, otherwise")
        everything = {
            ("input_1", "", "agent_1"),
            ("agent_1", "", "condition_1"),
            ("condition_1", "yes", "approval_1"),
            ("approval_1", "", "output_1"),
            ("condition_1", "no", "output_1"),
        }
        desk.waits_until("edges", everything)

        desk.press("Enter")
        desk.waits_until("opened", ["condition_1"])
        desk.press("e")
        desk.choose("Condition to Output")
        expect(desk.said).to_have_text("1 connection deleted")
        desk.waits_until("edges", everything - {("condition_1", "no", "output_1")})
        desk.press("Control+z")
        desk.waits_until("edges", everything)

        before = desk.held()["graph"]["nodes"][2]["position"]
        desk.press("Shift+ArrowDown", "Shift+ArrowDown")
        desk.press("Delete")
        desk.waits_until("nodes", ["input_1", "agent_1", "approval_1", "output_1"])
        expect(desk.node("Agent, Agent")).to_be_focused()
        desk.press("Control+z")
        held = desk.waits_until("edges", everything)
        assert {"x": before["x"], "y": before["y"] + 20} in [node["position"] for node in held["graph"]["nodes"]]
        desk.press("Control+Shift+z", "Control+z", "Control+z", "Control+y")
        held = desk.waits_until("edges", everything)

        desk.press("l")
        expect(desk.said).to_have_text("Arranged")
        desk.press("/")
        desk.choose("Approval")
        expect(desk.node("Approval, Approval")).to_be_focused()
        desk.press("?")
        expect(desk.page.get_by_role("dialog", name="Keys")).to_contain_text("Connect the step to another one")
        desk.press("Escape")
        expect(desk.node("Approval, Approval")).to_be_focused()
        desk.press("Shift+Tab")
        expect(desk.canvas.get_by_role("application").locator(":focus")).to_have_count(0)
        assert desk.messages == []


def test_copies_go_from_tab_to_tab_with_new_ids(browser: Browser, address: str) -> None:
    with browser.new_context(viewport=WIDE) as context:
        desk = visited(context.new_page(), address, "")
        desk.node("Invoice, Input").click()
        desk.press("Control+a", "Control+c")
        expect(desk.said).to_have_text("6 steps copied")
        desk.press("Control+v")
        held = desk.waits_until("nodes", [*reading(desk.held(), "nodes"), *PASTED])
        assert len(held["graph"]["edges"]) == 12
        assert held["graph"]["nodes"][7]["task"] == "Find {{text}}"

        other = visited(context.new_page(), address, "graph=empty")
        other.canvas.get_by_role("application").click(position={"x": 200, "y": 200})
        other.press("Control+v")
        expect(other.said).to_have_text("6 steps pasted")
        held = other.waits_until("nodes", reading({"graph": {"nodes": [{"id": i} for i in ORIGINAL]}}, "nodes"))
        assert len(held["graph"]["edges"]) == 6
        other.press("Control+d")
        expect(other.said).to_have_text("6 steps duplicated")
        other.press("Control+x")
        other.waits_until("nodes", ORIGINAL)
        assert desk.messages == other.messages == []


ORIGINAL = ["input_1", "agent_1", "condition_1", "approval_1", "agent_2", "output_1"]
PASTED = ["input_2", "agent_3", "condition_2", "approval_2", "agent_4", "output_2"]


def test_each_edit_reruns_the_fragment_once_and_nothing_reruns_while_nobody_acts(
    browser: Browser, address: str
) -> None:
    with opened(browser, address) as desk:
        desk.page.wait_for_timeout(1500)
        assert desk.held()["drawings"] == 1
        for number, kind in enumerate(("Tool", "Join", "Wait"), 1):
            desk.button(kind).click()
            held = desk.waits_until("heard", number)
            assert (held["drawings"], held["revision"], held["stale"]) == (1 + number, 1 + number, 0)
        desk.button("Show everything").click()
        desk.node("Invoice, Input").click()
        desk.press("ArrowRight", "ArrowRight", "f", "Tab")
        desk.page.wait_for_timeout(1500)
        assert (desk.held()["drawings"], desk.held()["pages"]) == (4, 1)


def python_nodes(held: dict[str, Any]) -> int:
    return sum(node["id"].startswith("python_") for node in held["graph"]["nodes"])


def test_changes_of_both_sides_at_once_are_kept(browser: Browser, address: str) -> None:
    with opened(browser, address) as desk:
        for number in range(1, 4):
            desk.page.get_by_role("button", name="Add in Python").click()
            desk.drag(desk.node("Invoice, Input").locator(".card-title"), (0, -30), by=True)
            # They are named by the revision, which an edit under way may have moved on.
            added = desk.canvas.get_by_role("group", name=re.compile(r"^Python \d+, Tool"))
            expect(added).to_have_count(number)
            for _ in range(1200):
                held = desk.held()
                if python_nodes(held) == number and held["graph"]["nodes"][0]["position"]["y"] < 120 - number * 20:
                    break
                desk.page.wait_for_timeout(50)
            assert python_nodes(held) == number
            assert held["graph"]["nodes"][0]["position"]["y"] < 120 - number * 20


def test_undo_leaves_what_python_has_changed_since(browser: Browser, address: str) -> None:
    with opened(browser, address) as desk:
        desk.node("Mail, Output").click()
        desk.press("Delete")
        desk.waits_until("nodes", ORIGINAL[:-1])
        desk.page.get_by_role("button", name="Rename in Python").click()
        expect(desk.node("Renamed, Input")).to_be_visible()
        desk.button("Undo").click()
        expect(desk.node("Mail, Output")).to_be_visible()
        held = desk.waits_until("nodes", ORIGINAL)
        assert held["graph"]["nodes"][0]["label"] == "Renamed"


def test_problems_are_marked_and_read_out(browser: Browser, address: str) -> None:
    with opened(browser, address) as desk:
        wrong = desk.node("Draft e-mail, Agent, 2 problems")
        expect(wrong).to_have_accessible_description("The task is empty. No model is chosen.")
        expect(desk.node("Extract amount, Agent")).to_have_accessible_description("")
        wrong.get_by_text("2 problems").hover()
        expect(wrong.get_by_text("The task is empty.")).to_be_visible()


def test_a_run_shows_its_states_and_cannot_be_changed(browser: Browser, address: str) -> None:
    with opened(browser, address, "mode=run", color_scheme="dark", reduced_motion="reduce") as desk:
        running = desk.node("Draft e-mail, Agent, Running")
        expect(running).to_contain_text("$0.0010")
        expect(running).to_contain_text("3.4 s")
        expect(desk.node("Extract amount, Agent, Succeeded")).to_contain_text("Reused")
        expect(desk.node("Ask Finance, Approval, Waiting")).to_contain_text("Waits for Finance.")
        expect(desk.button("Agent")).to_have_count(0)
        expect(desk.button("Undo")).to_have_count(0)
        expect(desk.canvas).to_have_class(re.compile("is-dark"))
        moving = desk.canvas.locator(".react-flow__edge.animated path").first
        assert moving.evaluate("path => getComputedStyle(path).animationName") == "none"

        running.click()
        desk.waits_until("selected", "agent_2")
        desk.press("ArrowRight", "Enter")
        desk.waits_until("selected", "output_1")
        desk.press("Delete", "a", "Control+z", "Control+v")
        desk.drag(running.locator(".card-title"), (0, 80), by=True)
        held = desk.held()
        assert (held["revision"], held["heard"], reading(held, "nodes")) == (1, 0, ORIGINAL)
        assert desk.messages == []


def test_the_focus_comes_back_from_a_form_to_its_node(browser: Browser, address: str) -> None:
    with opened(browser, address, "form=yes") as desk:
        desk.node("Invoice, Input").click()
        desk.press("ArrowRight", "Enter")
        form = desk.page.get_by_role("dialog", name="Form")
        form.get_by_label("Label").fill("Read the amount")
        form.get_by_role("button", name="Save").press("Enter")
        expect(form).to_have_count(0)
        expect(desk.node("Read the amount, Agent")).to_be_focused()
        desk.press("ArrowRight", "Enter")
        expect(form).to_be_visible()
        desk.press("Escape")
        expect(form).to_have_count(0)
        expect(desk.node("Amount, Condition")).to_be_focused()
        desk.press("ArrowRight")
        expect(desk.node("Ask Finance, Approval")).to_be_focused()
        assert desk.held()["stale"] == 0


def test_a_canvas_behind_a_tab_shows_its_graph_when_the_tab_opens(browser: Browser, address: str) -> None:
    with browser.new_context(viewport=WIDE) as context:
        page = context.new_page()
        desk = Desk(page)
        page.goto(f"{address}/?tab=yes")
        page.get_by_role("tab", name="Edit").click()
        for name in ("Invoice, Input", "Mail, Output"):
            expect(desk.node(name)).to_be_in_viewport()
        assert desk.messages == []


def test_page_and_person_select_in_turn(browser: Browser, address: str) -> None:
    with opened(browser, address) as desk:
        chosen = desk.canvas.locator(".react-flow__node.selected")
        for _ in range(2):
            desk.node("Invoice, Input").click()
            expect(chosen).to_have_attribute("data-id", "input_1")
            desk.page.get_by_role("button", name="Select the last").click()
            expect(chosen).to_have_attribute("data-id", "output_1")
        # What the page repeats after an edit comes when something else is selected already.
        desk.button("Tool").click()
        desk.page.wait_for_timeout(350)  # the page is told of an edit after a pause
        desk.button("Show everything").click()
        desk.node("Invoice, Input").click()
        desk.waits_until("selected", "tool_1")
        desk.page.get_by_role("button", name="Draw again").click()
        desk.waits_until("selected", "input_1")
        expect(chosen).to_have_attribute("data-id", "input_1")


def test_what_is_not_selected_is_not_deleted(browser: Browser, address: str) -> None:
    with opened(browser, address) as desk:
        desk.node("Invoice, Input").click()
        desk.canvas.locator(".react-flow__pane").click(position={"x": 300, "y": 80})
        expect(desk.button("Delete")).to_be_disabled()
        desk.press("Delete")
        desk.node("Invoice, Input").click()
        desk.node("Mail, Output").click(modifiers=["Shift"])
        desk.press("Delete")
        expect(desk.said).to_have_text("2 steps deleted")
        desk.waits_until("nodes", ["agent_1", "condition_1", "approval_1", "agent_2"])


def test_a_large_graph_is_drawn_as_far_as_it_is_seen(browser: Browser, address: str) -> None:
    with opened(browser, address, "graph=many") as desk:
        expect(desk.node("Step 0, Input")).to_be_visible()
        expect(desk.node("Step 199, Tool")).to_have_count(0)
        desk.node("Step 0, Input").click()
        desk.press("/")
        desk.choose("Step 199")
        expect(desk.node("Step 199, Tool")).to_be_focused()
        expect(desk.node("Step 199, Tool")).to_be_in_viewport()
        assert desk.messages == []


def test_hostile_names_are_shown_as_text_and_work(browser: Browser, address: str) -> None:
    with opened(browser, address, "graph=hostile") as desk:
        for name in (
            "__proto__, Agent",
            "constructor, Agent",
            'a"]\\, Agent',
            "<img src=x onerror=alert(1)>, Agent",
        ):
            expect(desk.node(name)).to_be_visible()
        assert desk.canvas.locator("img").count() == 0
        expect(desk.node(re.compile("^Huge Huge .*…, no_such_kind"))).to_be_visible()
        desk.node("constructor, Agent").click()
        desk.press("Delete")
        expect(desk.said).to_have_text("constructor deleted")
        desk.waits_until("nodes", ["__proto__", 'a"]\\', "<img src=x onerror=alert(1)>", "long"])
        desk.press("Control+z", "ArrowRight", "Shift+ArrowDown")
        held = desk.waits_until("stale", 0)
        assert desk.messages == []
        assert held


def test_a_finger_adds_connects_and_deletes_on_a_phone(browser: Browser, address: str) -> None:
    with opened(browser, address, "graph=empty", viewport=PHONE, has_touch=True, is_mobile=True) as desk:
        for kind in ("Input", "Agent"):
            desk.button("Add a step").tap()
            sheet = desk.page.get_by_role("dialog", name="Add a step")
            sheet.get_by_role("button", name=kind, exact=True).tap()
            expect(sheet).to_have_count(0)
        desk.waits_until("nodes", ["input_1", "agent_1"])
        desk.press("f")
        desk.node("Input, Input").locator(".source").tap()
        desk.node("Agent, Agent").locator(".target").tap()
        desk.waits_until("edges", {("input_1", "", "agent_1")})
        desk.button("Edit Agent").tap()
        desk.waits_until("opened", ["agent_1"])
        desk.node("Agent, Agent").tap(position={"x": 30, "y": 10})
        desk.button("Delete").tap()
        desk.waits_until("nodes", ["input_1"])
        assert desk.messages == []
