"""Alice builds a workflow for invoices by mouse; its worker is killed while it reads, and Finance approves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from core.engine.nodes.registry import all_kinds
from tests.conftest import PASSWORD
from tests.e2e import invoice
from tests.e2e.invoice import Office
from tests.e2e.node_forms import FormFiller
from tests.e2e.person import Person, somebody
from tests.e2e.test_canvas import Desk, middle
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAMES = {
    "finance": "Finance",
    "extract.amount": "Extract: amount · number",
}
# The kind, the short name, and the node with its way on that leads there.
STEPS = (
    ("Agent", "extract", "Input", 0),
    ("Condition", "check", "Extract", 0),
    ("Approval", "ask", "Over 5,000?", 0),
    ("Agent", "mail", "Ask Finance", 0),
)


@pytest.fixture(scope="module")
def office(server: AppServer, fake_models: FakeModelServer) -> Iterator[Office]:
    with invoice.office(server, fake_models) as place:
        yield place


def test_alice_builds_by_mouse_and_the_run_survives_its_worker_and_is_approved(
    browser: Browser, office: Office
) -> None:
    with somebody(browser, office.server, reduced_motion="reduce") as alice:
        alice.open()
        alice.sign_in(invoice.ALICE, PASSWORD)
        alice.sees_shell()
        workflow_id = build(alice, office)
        alice.shot("invoice-editor")

        office.fake.options.hold = invoice.READER
        alice.page.get_by_text("Run", exact=True).first.click()
        alice.field("text").fill(invoice.INVOICE)
        alice.button("Run").last.click()
        office.kill_worker_in_call(invoice.READER)

        invoice.waits_for_finance(alice)
        # What was under way is done again, once.
        assert (office.calls(invoice.READER), office.calls(invoice.WRITER)) == (2, 0)
        alice.shot("invoice-waiting")
        invoice.finance_approves(browser, office)
        invoice.ends_with_costs(alice, office, workflow_id)
        assert (office.calls(invoice.READER), office.calls(invoice.WRITER)) == (2, 1)
        alice.shot("invoice-ended")
        assert alice.violations() == []


def build(alice: Person, office: Office) -> str:
    """Make the workflow on the canvas and publish it; return its id."""
    alice.go("Workflows")
    alice.button("New workflow").first.click()
    alice.field("Name").fill("Invoices by mouse")
    alice.button("Make workflow").click()
    desk = Desk(alice.page)
    expect(desk.canvas.get_by_role("application")).to_be_visible()
    alice.idle()
    workflow_id = office.core.workflows.list(office.alice)[0].id

    ends = [
        middle(node.locator(end))
        for node, end in ((card(desk, "Input"), ".source"), (card(desk, "Output"), ".target"))
    ]
    alice.page.mouse.click(*((a + b) / 2 for a, b in zip(*ends, strict=True)))
    desk.button("Delete").click()
    expect(desk.said).to_contain_text("1 connection deleted")
    for kind, node_id, source, way in STEPS:
        desk.button(kind).click()
        new = desk.node(f"{kind}, {kind}")
        expect(new).to_be_visible()
        desk.button("Show everything").click()
        drag_on(desk, card(desk, source), way, new)
        alice.idle()
        desk.button(f"Edit {kind}").click()
        fill(alice, office, f"{kind.lower()}_1", kind.lower(), node_id)
    desk.button("Arrange").click()
    expect(desk.said).to_have_text("Arranged")
    drag_on(desk, card(desk, "Draft e-mail"), 0, card(desk, "Output"))
    alice.idle()
    desk.button("Arrange").click()
    alice.idle()
    desk.button("Edit Output").click()
    fill(alice, office, "output", "output", "output")
    alice.button("Publish").click()
    alice.page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    invoice.is_published(alice, office, workflow_id)
    return workflow_id


def card(desk: Desk, title: str) -> Locator:
    return desk.node(f"{title}, ")


def drag_on(desk: Desk, source: Locator, way: int, target: Locator) -> None:
    """Drag from where a node's way on begins to where it should lead."""
    desk.drag(source.locator(".source").nth(way), target.locator(".target"))
    expect(desk.said).to_contain_text("Connected")


def fill(alice: Person, office: Office, present_id: str, kind: str, node_id: str) -> None:
    """Type a node's names and settings into its open drawer, and save it."""
    drawer = alice.page.get_by_role("dialog")
    expect(drawer.get_by_role("textbox", name="Short name")).to_have_value(present_id)
    alice.idle()
    if node_id in invoice.LABELS:
        drawer.get_by_role("textbox", name="Name", exact=True).first.fill(invoice.LABELS[node_id])
        drawer.get_by_role("textbox", name="Short name").fill(node_id)
    settings: dict[str, Any] = dict(invoice.SETTINGS[node_id])
    names = dict(NAMES)
    if kind == "agent":
        settings = {"agent_id": office.agent_of(node_id), **settings}
        names |= {office.reader: "Reader", office.writer: "Writer"}
    FormFiller(alice, names).fill(all_kinds()[kind].form, settings, f"node_{present_id}")
    save = drawer.get_by_role("button", name="Save", exact=True)
    expect(save).to_have_count(1)  # for a moment the form before is there too
    save.click()
    expect(drawer).to_have_count(0)
    alice.idle()
