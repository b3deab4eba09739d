"""A real run of a workflow in the browser: steps live on the canvas, a decision, the timeline, a shared link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.person import Person, somebody
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PASSWORD = "correct horse battery staple"
KATE, FRED = "kate@example.com", "fred@example.com"
LETTER = "Dear {{name}}, we have received your order of **{{amount}}**."
NAMES = ("Order", "Letter", "Look at it", "Send")


def graph(approver_id: str) -> dict[str, Any]:
    """Return input → template → approval → output."""
    fields = [{"name": "name", "type": "text"}, {"name": "amount", "type": "number"}]
    ask = {"title": "Send the letter to {{name}}?", "show": ["letter"], "message": "", "on_expiry": "reject"}
    result = {"name": "letter", "format": "text", "value": "{{letter}}"}
    return {
        "nodes": [
            {"id": "order", "kind": "input", "label": "Order", "fields": fields},
            {"id": "letter", "kind": "template", "label": "Letter", "text": LETTER},
            {
                "id": "look",
                "kind": "approval",
                "label": "Look at it",
                **ask,
                "approver": {"kind": "person", "id": approver_id},
            },
            {"id": "send", "kind": "output", "label": "Send", **result},
        ],
        "edges": [
            {"source": "order", "target": "letter"},
            {"source": "letter", "target": "look"},
            {"source": "look", "target": "send", "when": "approved"},
        ],
    }


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


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app with Kate and Fred."""
    data_dir: Path = tmp_path_factory.mktemp("run-view-app")
    with AppServer(data_dir, ZOARK_REGISTRATION="open", ZOARK_WORKER_IDLE_SECONDS="600") as app:
        root = Client(app, ADMIN_EMAIL, ADMIN_PASSWORD)
        for email in (KATE, FRED):
            name = email.partition("@")[0].title()
            root.send("POST", "/auth/register", email=email, name=name, password=PASSWORD)
        yield app


def start(desk: AppServer) -> str:
    """Let Kate run a new workflow whose approval is hers; return the run's id."""
    root, kate = Client(desk, ADMIN_EMAIL, ADMIN_PASSWORD), Client(desk, KATE)
    me = next(person["id"] for person in root.send("GET", "/people")["items"] if person["email"] == KATE)
    made = kate.send("POST", "/workflows", name="Order letters", department="sales", graph=graph(me))
    kate.send("POST", f"/workflows/{made['id']}/publish")
    inputs = {"name": "Ada", "amount": 12}
    return str(kate.send("POST", f"/workflows/{made['id']}/execute", inputs=inputs)["run_id"])


def node(page: Page, name: str, status: str) -> Locator:
    """Return a node of the canvas in a state."""
    steps = page.get_by_role("region", name="Workflow canvas").or_(page.get_by_label("Workflow canvas"))
    return steps.get_by_role("group", name=f"{name},").and_(page.get_by_role("group", name=status))


def sees(person: Person, states: dict[str, str]) -> None:
    for name, status in states.items():
        expect(node(person.page, name, status).first).to_be_visible(timeout=180_000)


def test_kate_watches_her_run_decides_and_shares_it_with_fred(browser: Browser, desk: AppServer) -> None:
    run_id = start(desk)
    with somebody(browser, desk) as kate, somebody(browser, desk) as fred:
        kate.open(f"/run?id={run_id}")
        kate.sign_in(KATE, PASSWORD)
        sees(kate, {"Order": "Succeeded", "Letter": "Succeeded", "Look at it": "Waiting", "Send": "Pending"})

        node(kate.page, "Letter", "Succeeded").first.click()
        expect(kate.page.get_by_text("Dear Ada, we have received your order of")).to_be_visible()

        fred.open(f"/run?id={run_id}")
        fred.sign_in(FRED, PASSWORD)
        expect(fred.page.get_by_text("This run does not exist, or it is not yours.")).to_be_visible()

        kate.button("Share").click()
        kate.button("Share by link").click()
        kate.idle()
        expect(kate.page.get_by_text("Shared by link")).to_be_visible()

        fred.open(f"/run?id={run_id}")
        sees(fred, {"Look at it": "Waiting"})
        expect(fred.button("Cancel run")).to_have_count(0)
        expect(fred.button("Decide")).to_have_count(0)

        kate.page.keyboard.press("Escape")
        kate.button("Decide").click()
        kate.button("Approve").click()
        kate.idle()
        # Fred has not touched his page: it follows the run by itself.
        sees(fred, {"Look at it": "Succeeded", "Send": "Succeeded"})

        kate.open(f"/run?id={run_id}")
        sees(kate, dict.fromkeys(NAMES, "Succeeded"))
        kate.page.get_by_role("radio", name="Timeline").or_(kate.button("Timeline")).first.click()
        expect(kate.page.locator(".js-plotly-plot").first).to_be_visible(timeout=180_000)

        kate.button("Share").click()
        kate.button("Stop sharing").click()
        kate.idle()
        fred.open(f"/run?id={run_id}")
        expect(fred.page.get_by_text("This run does not exist, or it is not yours.")).to_be_visible()
        assert fred.violations() == kate.violations() == []
