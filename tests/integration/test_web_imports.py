"""The web process stays small: what the pages show needs no engine, and only Usage needs pandas."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.keys.models import KeyDraft
from core.llm.pricing import OwnPrice, Tokens
from core.runs import repository
from core.runs.models import Run
from core.usage.models import CallOrigin
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

ROOT = Path(__file__).resolve().parents[2]
ENGINE = {"crewai", "crewai_core", "langchain", "langchain_core", "langchain_openai", "langchain_ollama", "dbos"}
PROVIDERS = {"langchain_anthropic", "langchain_google_genai", "langchain_groq", "langchain_mistralai"}
SDKS = {"openai", "anthropic", "google.genai", "groq", "httpx2", "httpx_sse", "tokenizers"}
HEAVY = ENGINE | PROVIDERS | SDKS | {"alembic", "chromadb", "litellm", "pandas", "webauthn"}
WEB = {"streamlit", "starlette", "fastapi", "uvicorn"}
ANSWER_SECONDS = 120

# A line of PYTHONPROFILEIMPORTTIME: "import time:   123 |   456 |   package.module".
_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


class Visitor:
    """A browser as the server sees it: cookies, a websocket, forms that are filled in."""

    def __init__(self, server: AppServer) -> None:
        self._server = server
        self._http = httpx.Client(base_url=server.url, timeout=ANSWER_SECONDS)
        self._http.get("/_stcore/health")  # sets the XSRF cookie
        self.elements: list[Element] = []

    def open(self, page: str, query: str = "", fields: dict[str, str] | None = None, press: str = "") -> str:
        """Show a page, then fill in fields and press a button by their labels; return where it redirects."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
        with connect(
            f"ws://127.0.0.1:{self._server.port}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": cookies},
            max_size=None,
            open_timeout=ANSWER_SECONDS,
        ) as socket:
            message = BackMsg()
            message.rerun_script.page_name = page
            message.rerun_script.query_string = query
            redirect = self._run(socket, message)
            if press:
                message.rerun_script.widget_states.widgets.extend(self._filled_in(fields or {}, press))
                redirect = self._run(socket, message)
        return redirect

    def sign_in(self) -> None:
        """Send the form and follow its redirect, which sets the session cookie."""
        fields = {"E-mail": ADMIN_EMAIL, "Password": ADMIN_PASSWORD}
        redirect = self.open("", fields=fields, press="Sign in")
        assert redirect.startswith("/session/redeem?"), self.text
        assert self._http.get(redirect).status_code == 303

    @property
    def text(self) -> str:
        return "\n".join(str(element) for element in self.elements)

    def _run(self, socket: object, message: BackMsg) -> str:
        socket.send(message.SerializeToString())  # type: ignore[attr-defined]
        self.elements, redirect = [], ""
        while True:
            answer = ForwardMsg.FromString(socket.recv(ANSWER_SECONDS))  # type: ignore[attr-defined]
            kind = answer.WhichOneof("type")
            if kind == "delta" and answer.delta.HasField("new_element"):
                self.elements.append(answer.delta.new_element)
            elif kind == "auth_redirect":
                redirect = answer.auth_redirect.url
            elif kind == "script_finished":
                return redirect

    def _filled_in(self, fields: dict[str, str], press: str) -> Iterator[WidgetState]:
        for element in self.elements:
            if element.text_input.label in fields:
                yield WidgetState(id=element.text_input.id, string_value=fields[element.text_input.label])
            if element.button.label == press:
                yield WidgetState(id=element.button.id, trigger_value=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The real app, writing down everything that it imports."""
    with AppServer(tmp_path_factory.mktemp("app"), PYTHONPROFILEIMPORTTIME="1") as app:
        yield app


@pytest.fixture(scope="module")
def core(server: AppServer) -> Iterator[Core]:
    """A second process on the same database."""
    found = build_core(load_settings(ZOARK_DATA_DIR=server.data_dir))
    yield found
    found.close()


def imported(server: AppServer) -> set[str]:
    """Return every module that the web process has imported so far."""
    found = set(_IMPORTED.findall(server.log.read_text("utf-8", "replace")))
    assert {"streamlit", "core.bootstrap", "sqlalchemy"} <= found  # the log is read right
    return found


def heavy(modules: set[str]) -> set[str]:
    """Return what should not be there. Streamlit itself imports plotly.graph_objects; express would be ours."""
    return ({name.split(".")[0] for name in modules} & HEAVY) | ({"plotly.express", "google.genai"} & modules)


def test_serving_the_sign_in_page_imports_nothing_heavy(server: AppServer) -> None:
    visitor = Visitor(server)
    visitor.open("agents", "agents_search=x")
    assert 'label: "Password"' in visitor.text
    assert heavy(imported(server)) == set()


def test_the_pages_import_nothing_heavy_until_usage_is_opened(server: AppServer, core: Core) -> None:
    """In this order: an empty desk, then one with a key and an agent, then Usage with a call in it."""
    visitor = Visitor(server)
    visitor.sign_in()
    admin = core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD)
    core.setup.postpone(admin)
    shown = {"": "Get started", "agents": "No agents yet", "keys": "No keys yet", "runs": "No runs yet"}
    shown |= {"setup": "What is your company called?", "mail": "E-mail is not set up."}
    for page, sentence in shown.items():
        visitor.open(page)
        assert sentence in visitor.text, page
        assert heavy(imported(server)) == set(), page

    agent, run = desk_of(core, admin)
    shown = {
        "": "Recent runs",
        "agents": "Clerk",
        "keys": "Mine",
        "runs": "Clerk",
        "agent": "Create agent",
        f"agent?id={agent.id}": "Save changes",
        f"run?id={run.id}": "Well done.",
        "usage": "Nothing used in this time",
    }
    for address, sentence in shown.items():
        page, _, query = address.partition("?")
        visitor.open(page, query)
        assert sentence in visitor.text, address
        assert heavy(imported(server)) == set(), address

    key_id = agent.definition.key_id
    origin = CallOrigin(run.id, "agent", agent.id, admin.id, "support", key_id, "openai_compatible", "m")
    call_id = core.usage.open_call(origin, Tokens(10, 10), OwnPrice(1, 1))
    core.usage.settle(call_id, origin, Tokens(10, 10), 100)
    visitor.open("usage")
    assert "Spend per day" in visitor.text
    assert heavy(imported(server)) == {"pandas"}


def desk_of(core: Core, owner: User) -> tuple[Agent, Run]:
    """Give somebody a key, an agent and a run that has ended: no worker wakes up for it."""
    key = core.keys.add(owner, KeyDraft("Mine", "openai_compatible", base_url="https://models.example.com/v1"))
    fields = {"name": "Clerk", "department": "support", "role": "clerk", "goal": "help", "model": "m"}
    agent = core.agents.create(owner, {**fields, "key_id": key.id})
    run = Run(
        id=clock.new_id("run"),
        owner_id=owner.id,
        agent_id=agent.id,
        department="support",
        title="Clerk",
        status="queued",
        inputs={"input": "x"},
        output=None,
        error=None,
        created_at=clock.now(),
        started_at=None,
        cancel_requested_at=None,
        ended_at=None,
    )
    with core.db.transaction() as connection:
        repository.insert_run(connection, run, {})
        repository.change_status(connection, run.id, ("queued",), status="succeeded", output="**Well done.**")
    core.journal.event(run.id, "node_started", "agent", {})
    core.journal.event(run.id, "model_call_started", "agent", {"call_id": "call_0", "model": "m"})
    core.journal.event(run.id, "model_text", "agent", {"call_id": "call_0", "text": "Well done."})
    return agent, run


def test_core_alone_imports_no_web_and_no_engine() -> None:
    code = "import sys, core.bootstrap; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "sqlalchemy" in loaded
    assert loaded & (HEAVY | WEB) == set()
