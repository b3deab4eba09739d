"""An invoice on its way: who takes part, what the workflow is to be, and how a run of it goes for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
from playwright.sync_api import Browser, expect

from app.ui import formats
from core import clock
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.keys.models import KeyDraft
from core.runs.models import Run
from tests.conftest import PASSWORD
from tests.e2e.person import Person, somebody
from tests.e2e.test_canvas import Desk
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer
from tests.support.worker import wait_until

ALICE, FRED = "alice@example.com", "fred@example.com"
INVOICE = "Invoice 2041 from ACME Ltd: 7,450.00 US dollars, to be paid by the end of the month."
FOUND = {"supplier": "ACME", "amount": "7,450.00"}
MAIL = "Dear ACME, your invoice of 7,450.00 will be paid this week."
READER, WRITER = "reader-1", "writer-1"
ANSWER = [{"name": "supplier", "type": "text"}, {"name": "amount", "type": "number"}]
# $40 and $160 per million tokens: a call of the fake (100 in, 20 out) costs $0.0072.
PRICES = (40_000_000, 160_000_000)


# The nodes between input and output, by their short names: their names, and what their forms are given.
LABELS = {"extract": "Extract", "check": "Over 5,000?", "ask": "Ask Finance", "mail": "Draft e-mail"}
EXTRACT = {"task": "Read the invoice: {{text}}", "answer": "fields", "answer_fields": ANSWER}
CHECK = {"mode": "compare", "left": "extract.amount", "type": "number", "operator": ">", "right": "5000"}
ASK = {
    "approver": {"kind": "department", "id": "finance"},
    "title": "Pay {{extract.supplier}}?",
    "show": ["extract.amount"],
}
DRAFT = {"task": "Write an e-mail to {{extract.supplier}} about {{extract.amount}}."}
RESULT = {"value": "{{mail}}"}
SETTINGS: dict[str, dict[str, Any]] = {
    "extract": EXTRACT,
    "check": CHECK,
    "ask": ASK,
    "mail": DRAFT,
    "output": RESULT,
}
EDGES = {
    ("input", "", "extract"),
    ("extract", "", "check"),
    ("check", "true", "ask"),
    ("ask", "approved", "mail"),
    ("mail", "", "output"),
}


class Office:
    """Alice with her agents, Fred in Finance, and the app they work with."""

    def __init__(self, server: AppServer, fake: FakeModelServer, core: Core) -> None:
        self.server = server
        self.fake = fake
        self.core = core
        admin = core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD).proven(clock.now())
        self.alice: User = core.accounts.create_user(ALICE, "Alice", PASSWORD, "member").proven(clock.now())
        fred = core.accounts.create_user(FRED, "Fred", PASSWORD, "member")
        core.people.set_department(admin, fred.id, "finance")
        draft = KeyDraft("Server", "openai_compatible", "zk-walk-key-0123456789abcdef", fake.openai_url, *PRICES)
        key = core.keys.add(self.alice, draft)
        fields = {"department": "finance", "role": "Clerk", "goal": "Help with invoices.", "key_id": key.id}
        self.reader, self.writer = (
            core.agents.create(self.alice, {**fields, "name": name, "model": model}).id
            for name, model in (("Reader", READER), ("Writer", WRITER))
        )
        fake.options.says = json.dumps([["Read the invoice", json.dumps(FOUND)], ["Write an e-mail", MAIL]])

    def agent_of(self, node_id: str) -> str:
        """Return who works in a node."""
        return {"extract": self.reader, "mail": self.writer}[node_id]

    def graph(self, workflow_id: str) -> Any:
        """Return the draft as it is stored."""
        return self.core.workflows.get(self.alice, workflow_id).graph

    def calls(self, model: str, outcome: str = "") -> int:
        """Return how often a model was asked."""
        return sum(record.model.startswith(model) and outcome in ("", record.outcome) for record in self.fake.chats)

    def run(self, workflow_id: str) -> Run:
        """Return the newest run of a workflow as it is now."""
        return next(run for run in self.core.runs.list(self.alice) if run.workflow_id == workflow_id)

    def worker(self) -> psutil.Process | None:
        """Return the worker that the app has started, if there is one."""
        return next((one for one in self.server.family()[1:] if "core.worker" in " ".join(one.cmdline())), None)

    def kill_worker_in_call(self, model: str) -> None:
        """Wait until a held call of a model is under way, and kill -9 the worker; the next call is quick."""
        self.fake.wait_until(lambda _: self.calls(model, "pending") > 0, 90)
        worker = self.worker()
        assert worker is not None
        worker.kill()
        self.fake.options.hold = ""
        wait_until(lambda: not worker.is_running(), 60, "the end of the worker")
        wait_until(self.worker, 180, "another worker")


@contextmanager
def office(server: AppServer, fake: FakeModelServer) -> Iterator[Office]:
    """Set the office up beside a running app."""
    core = build_core(
        load_settings(ZOARK_DATA_DIR=server.data_dir, ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake.port}")
    )
    try:
        yield Office(server, fake, core)
    finally:
        core.close()


def opened(person: Person, email: str, path: str) -> None:
    """Sign somebody in and go to a page."""
    person.open()
    person.sign_in(email, PASSWORD)
    person.sees_shell()
    person.open(path)
    person.idle()


def is_published(person: Person, place: Office, workflow_id: str) -> None:
    """See that version 1 is there, and that it is what was to be built."""
    expect(person.page.get_by_text("Version 1 was published.")).to_be_visible()
    graph = place.core.workflows.version(place.alice, workflow_id, 1).graph
    assert {(edge["source"], edge.get("when", ""), edge["target"]) for edge in graph["edges"]} == EDGES
    nodes = {node["id"]: node for node in graph["nodes"]}
    for node_id, settings in SETTINGS.items():
        assert settings.items() <= nodes[node_id].items()


def waits_for_finance(person: Person) -> None:
    """See on the canvas of the run that it waits for Finance, and for nothing else."""
    desk = Desk(person.page)
    expect(desk.node("Ask Finance, Approval, Waiting")).to_be_visible(timeout=180_000)
    for name in ("Extract, Agent, Succeeded", "Over 5,000?, Condition, Succeeded", "Draft e-mail, Agent, Pending"):
        expect(desk.node(name)).to_be_visible()
    expect(person.page.get_by_text("waits until Finance has decided")).to_be_visible()
    # Nobody has picked a step, so the one that matters is shown.
    expect(person.page.get_by_role("combobox", name="Step")).to_have_value("Ask Finance · Waiting")
    person.idle()


def finance_approves(browser: Browser, place: Office) -> None:
    """Let Fred sign in with a browser of his own, find what waits for him, and approve it."""
    with somebody(browser, place.server) as fred:
        fred.open()
        fred.sign_in(FRED, PASSWORD)
        fred.sees_shell()
        fred.go("Approvals")
        fred.page.get_by_role("link", name="Pay ACME?").first.click()
        expect(fred.page.get_by_role("heading", name="Pay ACME?")).to_be_visible()
        expect(fred.page.get_by_text("7,450").or_(fred.page.get_by_text("7450")).first).to_be_visible()
        fred.idle()
        fred.button("Approve").click()
        expect(fred.page.get_by_text("You approved this")).to_be_visible()
        assert fred.violations() == []


def ends_with_costs(person: Person, place: Office, workflow_id: str) -> None:
    """See the run succeed with the mail as its result, and on each agent's node what it has cost."""
    desk = Desk(person.page)
    expect(desk.node("Output, Output, Succeeded")).to_be_visible(timeout=180_000)
    person.idle()
    expect(person.page.get_by_text(MAIL).first).to_be_visible()
    wait_until(lambda: not place.run(workflow_id).is_active, 60, "the end of the run")
    run = place.run(workflow_id)
    assert (run.status, run.output) == ("succeeded", MAIL)
    expect(person.page.get_by_text(formats.cost(run.totals)).first).to_be_visible()
    used = place.core.runs.node_totals(place.alice, run.id)
    assert set(used) == {"extract", "mail"}
    assert sum(totals.cost_micros for totals in used.values()) == run.totals.cost_micros
    for node_id, totals in used.items():
        expect(desk.node(f"{LABELS[node_id]}, Agent, Succeeded")).to_contain_text(formats.cost(totals))
