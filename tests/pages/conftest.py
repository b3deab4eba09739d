"""The pages without a browser: Streamlit's AppTest on the script that every visitor runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from app import runtime, state
from app.http import secret
from app.navigation import Entry
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.keys.models import Key, KeyDraft
from core.runs import service as run_service
from core.runs.models import Run
from core.runs.queue import RunQueue
from core.turns import service as turns
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support.databases import SqliteTemplates

ROOT = Path(__file__).resolve().parents[2]
SECRET = "zk-page-key-0123456789abcdef"
# $2 and $8 per million tokens.
PRICES = (2_000_000, 8_000_000)


@pytest.fixture(scope="session", autouse=True)
def packages_are_read_once() -> Iterator[None]:
    """Each AppTest searches the metadata of every installed package for components: four fifths of its time."""
    with pytest.MonkeyPatch.context() as patch:
        found = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", found)
        yield


@pytest.fixture(autouse=True)
def workers_stay_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker of a test beats once, and pages may take long to be drawn."""
    for module in (run_service, turns):
        monkeypatch.setattr(module, "WORKER_SILENT_AFTER", timedelta(days=1))


class Visit:
    """Somebody's browser tab: opens pages, fills in fields, presses buttons, reads."""

    def __init__(self, core: Core, user: User | None) -> None:
        self.app = AppTest.from_file(ROOT / "app" / "script.py", default_timeout=100)
        self.token: str | None = None
        if user is not None:
            self.token = core.accounts.start_session(user, "test")
            self.app.session_state[state.TAB_SESSION] = (self.token, None)

    def open(self, entry: Entry, **query: str) -> Visit:
        """Go to an address."""
        self.app.query_params = dict(query)
        self.app.switch_page(entry.path)
        self.app._page_hash = calc_hash(entry.url)  # before its first run it would guess by the file's name
        self.app.run()
        self.app._page_hash = ""  # later reruns stay on the page where a link has led
        return self

    def rerun(self) -> Visit:
        self.app.run()
        return self

    def press(self, key: str) -> Visit:
        self.app.button(key=key).click()
        return self.rerun()

    def press_in_dialog(self, opened_by: str, key: str) -> Visit:
        """Press a button of an open dialog: AppTest reruns the whole page, so its opener is held down."""
        self.app.button(key=opened_by).click()
        return self.press(key)

    def fill(self, **fields: Any) -> Visit:
        """Set widgets by key, without a rerun."""
        for key, value in fields.items():
            self.app.get_by_key(key).set_value(value)
        return self

    @property
    def title(self) -> str:
        return self.app.title[0].value if self.app.title else ""

    @property
    def text(self) -> str:
        """Everything on the page, as it is sent to the browser."""
        return "\n".join(str(getattr(node, "proto", "")) for node in self.app)

    @property
    def errors(self) -> list[str]:
        return [error.value for error in self.app.error]

    @property
    def captions(self) -> list[str]:
        return [caption.value for caption in self.app.caption]

    @property
    def metrics(self) -> dict[str, str]:
        return {metric.label: metric.value for metric in self.app.metric}

    @property
    def links(self) -> list[str]:
        return [link.label for link in self.app.get("page_link")]

    @property
    def toasts(self) -> list[str]:
        return [toast.value for toast in self.app.toast]

    @property
    def buttons(self) -> list[str]:
        return [button.label for button in self.app.button]

    @property
    def sees_sign_in(self) -> bool:
        return {"E-mail", "Password"} <= {field.label for field in self.app.text_input}


@pytest.fixture
def registration() -> str:
    """Overridden where it matters."""
    return "closed"


@pytest.fixture
def page_core(
    sqlite_templates: SqliteTemplates,
    tmp_path: Path,
    registration: str,
    fake: FakeModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Core]:
    """The process's core, on SQLite, without a worker; nothing is executed."""
    with sqlite_templates.fresh(tmp_path) as url:
        chosen = {
            "DATABASE_URL": url,
            "ZOARK_DATA_DIR": str(tmp_path),
            "ZOARK_REGISTRATION": registration,
            "ZOARK_ENDPOINT_ALLOWLIST": f"127.0.0.1:{fake.port}",
            "ZOARK_MASTER_KEYS": "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
        }
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)
        # AppTest has no websocket; its visitor's address would be a mock.
        monkeypatch.setattr(ContextProxy, "ip_address", "127.0.0.1")
        core = build_core(load_settings())
        monkeypatch.setattr(runtime._process, "core", core)
        monkeypatch.setattr(runtime._process, "supervisor", None)
        monkeypatch.setattr(runtime._process, "has_routes", False)
        secret.cookie_secret.cache_clear()
        yield core
        core.close()
        secret.cookie_secret.cache_clear()


@pytest.fixture
def alice(page_core: Core) -> User:
    return page_core.accounts.create_user("alice@example.com", "Alice", PASSWORD, "member")


@pytest.fixture
def charlie(page_core: Core) -> User:
    return page_core.accounts.create_user("charlie@example.com", "Charlie", PASSWORD, "member")


@pytest.fixture
def visit(page_core: Core) -> Callable[[User | None], Visit]:
    """Let somebody, or nobody known, open a browser tab."""
    return lambda user=None: Visit(page_core, user)


@pytest.fixture
def key(page_core: Core, alice: User, fake: FakeModelServer) -> Key:
    """Alice's key of the fake model server."""
    return page_core.keys.add(alice, KeyDraft("Fake", "openai_compatible", SECRET, fake.openai_url, *PRICES))


@pytest.fixture
def agent(page_core: Core, alice: User, key: Key) -> Agent:
    return page_core.agents.create(
        alice,
        {
            "name": "Classifier",
            "department": "support",
            "role": "Ticket clerk",
            "goal": "Name the team.",
            "key_id": key.id,
            "model": "fake-1",
        },
    )


@pytest.fixture
def run(page_core: Core, alice: User, agent: Agent) -> Run:
    return page_core.runs.start_agent_run(alice, agent.id, "I was charged twice.")


@pytest.fixture
def root(page_core: Core) -> User:
    return page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
