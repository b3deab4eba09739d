"""A workflow asks Finance by mail; somebody decides on a telephone, behind the mail's link and a sign-in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer
from tests.support.mailbox import Mailbox, smtp_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PASSWORD = "correct horse battery staple"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
KATE, FRED, GINA = (f"{name}@example.com" for name in ("kate", "fred", "gina"))
FINANCE = {"kind": "department", "id": "finance"}
NODES: list[dict[str, Any]] = [
    {
        "id": "invoice",
        "kind": "input",
        "fields": [{"name": "amount", "type": "number"}, {"name": "vendor", "type": "text"}],
    },
    {
        "id": "ask",
        "kind": "approval",
        "title": "Pay {{invoice.vendor}}?",
        "message": "The amount is **above the limit**.",
        "show": ["invoice.vendor"],
        "edit": "invoice.amount",
        "approver": FINANCE,
        "expires_hours": 48,
    },
    {"id": "paid", "kind": "output", "name": "paid", "format": "json", "value": "{{ask.value}}"},
    {"id": "refused", "kind": "output", "name": "refused", "format": "text", "value": "{{ask.comment}}"},
]
EDGES = [
    {"source": "invoice", "target": "ask"},
    {"source": "ask", "target": "paid", "when": "approved"},
    {"source": "ask", "target": "refused", "when": "rejected"},
]


class Client:
    """A program that acts for somebody."""

    def __init__(self, server: AppServer, email: str, password: str = PASSWORD) -> None:
        self._http = httpx.Client(base_url=f"{server.url}/api/v1", timeout=60)
        token = self.send("POST", "/auth/login", email=email, password=password)["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def send(self, method: str, path: str, **body: Any) -> Any:
        answer = self._http.request(method, path, json=body if method != "GET" else None)
        assert answer.is_success, answer.text
        return answer.json()

    def ended(self, run_id: str) -> Any:
        """Return a run when it has ended."""
        for _ in range(5):
            run = self.send("GET", f"/runs/{run_id}?wait=30")
            if run["ended_at"]:
                return run
        raise TimeoutError(run)


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with smtp_server(box) as port:
        yield box, port


@pytest.fixture(scope="module")
def post(mailbox: tuple[Mailbox, int]) -> Mailbox:
    return mailbox[0]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, mailbox: tuple[Mailbox, int]) -> Iterator[AppServer]:
    """The app with Kate, and with Fred and Gina in Finance."""
    data_dir: Path = tmp_path_factory.mktemp("approvals-app")
    app = AppServer(
        data_dir,
        ZOARK_REGISTRATION="open",
        ZOARK_WORKER_IDLE_SECONDS="600",
        ZOARK_MAIL_FROM="Zoark <zoark@example.com>",
        SMTP_URL=f"smtp://127.0.0.1:{mailbox[1]}?tls=off",
    )
    app._settings["ZOARK_BASE_URL"] = app.url  # its port is known only now
    with app:
        root = Client(app, ADMIN_EMAIL, ADMIN_PASSWORD)
        for email in (KATE, FRED, GINA):
            root.send(
                "POST", "/auth/register", email=email, name=email.partition("@")[0].title(), password=PASSWORD
            )
        for person in root.send("GET", "/people")["items"]:
            if person["email"] in (FRED, GINA):
                root.send("PATCH", f"/people/{person['id']}", department="finance")
        yield app


@pytest.fixture(scope="module")
def workflow_id(desk: AppServer) -> str:
    kate = Client(desk, KATE)
    graph = {"nodes": NODES, "edges": EDGES}
    made = kate.send("POST", "/workflows", name="Invoices", department="finance", graph=graph)
    kate.send("POST", f"/workflows/{made['id']}/publish")
    return str(made["id"])


def start(desk: AppServer, workflow_id: str, vendor: str) -> str:
    inputs = {"amount": 7000, "vendor": vendor}
    return str(Client(desk, KATE).send("POST", f"/workflows/{workflow_id}/execute", inputs=inputs)["run_id"])


def mail_about(post: Mailbox, recipient: str, subject: str) -> str:
    """Return the text of a mail once it is there."""
    number = 1
    while True:
        text = post.wait_for(recipient, number)
        found = [mail for mail in post.mails if mail["To"] == recipient][number - 1]
        if found["Subject"] == subject:
            return text
        number += 1


def link_in(text: str) -> str:
    found = re.search(r"https?://\S+/approval\?id=\S+", text)
    assert found, text
    return found[0]


def sign_in_behind(person: Person, link: str, email: str) -> None:
    """Follow a link, and sign in where it leads first."""
    person.page.goto(link)
    person.page.get_by_label("E-mail").wait_for()
    person.sign_in(email, PASSWORD)
    person.page.wait_for_url("**/approval?id=*")


def test_fred_approves_on_his_telephone_behind_the_link_of_the_mail(
    browser: Browser, desk: AppServer, post: Mailbox, workflow_id: str
) -> None:
    run_id = start(desk, workflow_id, "ACME")
    text = mail_about(post, FRED, "Approval: Pay ACME?")
    assert mail_about(post, GINA, "Approval: Pay ACME?")
    assert "A run of “Invoices”, which Kate started, waits for your decision" in text
    with somebody(browser, desk, **PHONE) as fred, somebody(browser, desk, **PHONE) as gina:
        sign_in_behind(gina, link_in(text), GINA)
        expect(gina.button("Approve")).to_be_visible()
        sign_in_behind(fred, link_in(text), FRED)
        expect(fred.page.get_by_role("heading", name="Pay ACME?")).to_be_visible()
        expect(fred.page.get_by_text("above the limit")).to_be_visible()
        fred.page.get_by_role("spinbutton", name="invoice.amount").fill("6500")
        fred.field("Comment").fill("Without the express fee.")
        fred.idle()
        fred.shot("approval-phone")
        fred.button("Approve").tap()
        expect(fred.page.get_by_text("You approved this with an edited value")).to_be_visible()
        # What lies open elsewhere notices by itself.
        expect(gina.page.get_by_text("Fred approved this with an edited value")).to_be_visible()
        expect(gina.button("Approve")).to_have_count(0)
        assert fred.violations() == gina.violations() == []
    run = Client(desk, KATE).ended(run_id)
    assert (run["status"], run["output"]) == ("succeeded", "6500")
    assert "Without the express fee." in mail_about(post, KATE, "Approved: Pay ACME?")


def test_gina_rejects_what_was_asked_before_the_server_was_started_anew(
    browser: Browser, desk: AppServer, post: Mailbox, workflow_id: str
) -> None:
    run_id = start(desk, workflow_id, "Globex")
    link = link_in(mail_about(post, GINA, "Approval: Pay Globex?"))
    desk.stop()
    desk.start()
    with somebody(browser, desk, **PHONE) as gina:
        sign_in_behind(gina, link, GINA)
        gina.field("Comment").fill("We never ordered this.")
        gina.button("Reject").tap()
        expect(gina.page.get_by_text("You rejected this")).to_be_visible()
        gina.open("/approvals?approvals_view=Decided")
        expect(gina.page.get_by_role("link", name="Pay Globex?")).to_be_visible()
        gina.shot("approvals-phone")
    run = Client(desk, KATE).ended(run_id)
    assert (run["status"], run["output"]) == ("succeeded", "We never ordered this.")
