"""Alice has no mouse: she builds the same workflow, runs it and follows it by keyboard alone.

The worker is killed while the e-mail is written: what was read and approved before is not done again.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.conftest import PASSWORD
from tests.e2e import invoice
from tests.e2e.invoice import Office
from tests.e2e.person import Person, somebody
from tests.e2e.test_canvas import Desk
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

HAS_FOCUS = """element => {
  let active = document.activeElement;
  while (active && active.shadowRoot && active.shadowRoot.activeElement) active = active.shadowRoot.activeElement;
  return active !== document.body && (active === element || element.contains(active));
}"""


@pytest.fixture(scope="module")
def office(server: AppServer, fake_models: FakeModelServer) -> Iterator[Office]:
    with invoice.office(server, fake_models) as place:
        yield place


def test_alice_builds_and_runs_by_keyboard_alone_and_nothing_finished_is_repeated(
    browser: Browser, office: Office
) -> None:
    with somebody(browser, office.server, reduced_motion="reduce") as alice:
        keys = Keys(alice)
        keys.sign_in()
        workflow_id = build(alice, keys, office)

        office.fake.options.hold = invoice.WRITER
        keys.pick("Run")
        keys.to(alice.field("text"))
        alice.page.keyboard.type(invoice.INVOICE)
        keys.to(alice.page.locator(".st-key-workflow_run button"))
        alice.page.keyboard.press("Enter")
        invoice.waits_for_finance(alice)
        assert (office.calls(invoice.READER), office.calls(invoice.WRITER)) == (1, 0)

        invoice.finance_approves(browser, office)
        office.kill_worker_in_call(invoice.WRITER)
        invoice.ends_with_costs(alice, office, workflow_id)
        # What had finished was not done again; what was under way was, once.
        assert (office.calls(invoice.READER), office.calls(invoice.WRITER)) == (1, 2)
        assert alice.violations() == []


class Keys:
    """What somebody does who has no mouse: Tab, arrows, Enter and typing, and nothing else."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.page = person.page
        self.keyboard = person.page.keyboard

    def to(self, locator: Locator) -> None:
        """Press Tab until something has the focus."""
        expect(locator.first).to_be_attached()
        for _ in range(150):
            if locator.first.evaluate(HAS_FOCUS):
                return
            self.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {locator}.")

    def press(self, name: str, within: Locator | None = None) -> None:
        """Go to a button and press it."""
        place = self.page if within is None else within
        self.to(place.get_by_role("button", name=name, exact=True))
        self.keyboard.press("Enter")
        self.person.idle()

    def write(self, box: Locator, text: str) -> None:
        """Go to a field and type what should be in it."""
        self.to(box)
        self.keyboard.press("Control+a")
        self.keyboard.type(text)
        self.keyboard.press("Tab")
        self.person.idle()

    def choose(self, label: str, option: str, within: Locator) -> None:
        """Go to a list and choose from it by typing."""
        self.to(within.get_by_role("combobox", name=label))
        self.keyboard.type(option)
        expect(self.page.get_by_role("option", name=option).first).to_be_visible()
        self.keyboard.press("Enter")
        self.person.idle()

    def pick(self, wanted: str) -> None:
        """Choose one of the words beside each other by the arrows."""
        word = self.page.get_by_role("radio", name=wanted, exact=True)
        self.to(self.page.get_by_role("radiogroup").filter(has=word))
        for _ in range(8):
            if word.evaluate(HAS_FOCUS):
                break
            self.keyboard.press("ArrowRight")
        self.keyboard.press("Space")
        self.person.idle()

    def sign_in(self) -> None:
        self.person.open()
        email = self.page.get_by_label("E-mail")
        self.to(email)
        self.keyboard.type(invoice.ALICE)
        self.to(self.page.get_by_label("Password", exact=True))
        self.keyboard.type(PASSWORD)
        self.keyboard.press("Enter")
        self.person.sees_shell()


def build(alice: Person, keys: Keys, office: Office) -> str:
    """Make the workflow with the keys of the canvas and publish it; return its id."""
    keys.to(alice.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Workflows"))
    alice.page.keyboard.press("Enter")
    alice.idle()
    keys.to(alice.button("New workflow").first)
    alice.page.keyboard.press("Enter")
    dialog = alice.page.get_by_role("dialog")
    keys.write(dialog.get_by_role("textbox", name="Name"), "Invoices by keyboard")
    keys.press("Make workflow", dialog)
    desk = Desk(alice.page)
    ground = desk.canvas.get_by_role("application")
    expect(ground).to_be_visible()
    alice.idle()
    workflow_id = office.core.workflows.list(office.alice)[0].id

    keys.to(ground)
    find(alice, desk, "Input")
    desk.press("e")
    desk.choose("Input to Output")
    expect(desk.said).to_have_text("1 connection deleted")
    find(alice, desk, "Input")

    drawer = add(alice, desk, "Agent")
    name(keys, drawer, "extract")
    keys.choose("Agent", "Reader", drawer)
    keys.write(drawer.get_by_role("textbox", name="Task"), invoice.EXTRACT["task"])
    keys.choose("Answer", "Fields that you name", drawer)
    for number, field in enumerate(invoice.ANSWER):
        if number:
            keys.press("Add to fields of the answer", drawer)
        row = drawer.locator(f".st-key-node_agent_1_answer_fields_{number}")
        keys.write(row.get_by_role("textbox", name="Name"), field["name"])
        if field["type"] != "text":
            keys.choose("Type", field["type"].capitalize(), row)
    save(desk, keys, drawer, "Extract")

    drawer = add(alice, desk, "Condition")
    name(keys, drawer, "check")
    keys.choose("Value", "Extract: amount", drawer)
    keys.write(drawer.locator(".st-key-node_condition_1_right input"), invoice.CHECK["right"])
    save(desk, keys, drawer, "Over 5,000?")

    drawer = add(alice, desk, "Approval")
    name(keys, drawer, "ask")
    keys.pick("A department")
    keys.choose("Which department", "Finance", drawer)
    keys.write(drawer.get_by_role("textbox", name="Title"), invoice.ASK["title"])
    keys.choose("Show", "Extract: amount", drawer)
    alice.page.keyboard.press("Tab")
    save(desk, keys, drawer, "Ask Finance")

    drawer = add(alice, desk, "Agent")
    name(keys, drawer, "mail")
    keys.choose("Agent", "Writer", drawer)
    keys.write(drawer.get_by_role("textbox", name="Task"), invoice.DRAFT["task"])
    save(desk, keys, drawer, "Draft e-mail")

    desk.press("c")
    desk.choose("Output")
    expect(desk.said).to_contain_text("Connected")
    find(alice, desk, "Output")
    desk.press("Enter")
    expect(drawer.get_by_role("textbox", name="Short name")).to_have_value("output")
    alice.idle()
    keys.write(drawer.get_by_role("textbox", name="Value"), invoice.RESULT["value"])
    save(desk, keys, drawer, "Output")

    keys.press("Publish")
    keys.press("Publish", drawer)
    invoice.is_published(alice, office, workflow_id)
    return workflow_id


def find(alice: Person, desk: Desk, title: str) -> None:
    """Go to a node of the canvas by its search."""
    desk.press("/")
    desk.choose(title)
    expect(desk.node(f"{title}, ")).to_be_focused()


def add(alice: Person, desk: Desk, kind: str) -> Locator:
    """Add a node after the one that has the focus, and open its form."""
    desk.press("a")
    desk.choose(kind)
    expect(desk.node(f"{kind}, {kind}")).to_be_focused()
    alice.idle()
    desk.press("Enter")
    drawer = alice.page.get_by_role("dialog")
    expect(drawer.get_by_role("textbox", name="Short name")).to_have_value(f"{kind.lower()}_1")
    alice.idle()
    return drawer


def name(keys: Keys, drawer: Locator, node_id: str) -> None:
    """Type what a node is called."""
    keys.write(drawer.get_by_role("textbox", name="Name", exact=True).first, invoice.LABELS[node_id])
    keys.write(drawer.get_by_role("textbox", name="Short name"), node_id)


def save(desk: Desk, keys: Keys, drawer: Locator, title: str) -> None:
    """Save the drawer; the focus goes back to its node."""
    keys.press("Save", drawer)
    expect(drawer).to_have_count(0)
    expect(desk.node(f"{title}, ")).to_be_focused()
    keys.person.idle()
