"""Our routes and middleware in a Starlette app, with Streamlit's own middleware inside, as ``st.App`` does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import config
from streamlit.web.server.starlette.starlette_app import create_streamlit_middleware
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string

from app import runtime
from app.api import application
from app.api.application import create_api
from app.api.rates import Rates
from app.http import secret, server
from app.http.cookie import SESSION_COOKIE, XSRF_COOKIE, browser_in, token_in
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import Settings, load_settings
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support.databases import SqliteTemplates
from tests.support.stopped_clock import ShiftedClock

MakeClient = Callable[..., TestClient]
DAY, MONTH = "2026-11-16", "2026-11"


@pytest.fixture
def in_the_middle_of_a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon of ``DAY``: no day and no month ends while a test runs."""
    ShiftedClock(monkeypatch, datetime.fromisoformat(f"{DAY}T12:00:00Z"))


@pytest.fixture(scope="session", autouse=True)
def one_api() -> Iterator[None]:
    """Working out its routes and its description takes a second: tests with the same settings share an API."""
    made: dict[tuple[str, int], FastAPI] = {}

    def create_once(settings: Settings) -> FastAPI:
        chosen = (settings.cors_origins, settings.api_requests_per_minute)
        if chosen not in made:
            made[chosen] = create_api(settings)
        made[chosen].state.rates = Rates(settings.api_requests_per_minute)
        return made[chosen]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "create_api", create_once)
        yield


@pytest.fixture
def api_core(
    sqlite_templates: SqliteTemplates, tmp_path: Path, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Core]:
    """The process's core, on SQLite, without a worker; it may reach the fake model server."""
    with sqlite_templates.fresh(tmp_path) as url:
        chosen = {
            "DATABASE_URL": url,
            "ZOARK_DATA_DIR": str(tmp_path),
            "ZOARK_WORKER": "external",
            "ZOARK_REGISTRATION": "open",
            "ZOARK_ENDPOINT_ALLOWLIST": f"127.0.0.1:{fake.port}",
            "ZOARK_API_REQUESTS_PER_MINUTE": "1000000",
            "ZOARK_MASTER_KEYS": "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
        }
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
        core = build_core(load_settings())
        monkeypatch.setattr(runtime._process, "core", core)
        monkeypatch.setattr(runtime._process, "supervisor", None)
        monkeypatch.setattr(runtime._process, "has_routes", False)
        secret.cookie_secret.cache_clear()
        before = config.get_option("server.cookieSecret")
        server.use_cookie_secret()
        yield core
        config.set_option("server.cookieSecret", before)
        secret.cookie_secret.cache_clear()
        core.close()


@pytest.fixture
def make_client(api_core: Core, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeClient]:
    """Build the app under settings of the environment and give a browser of it."""
    with start_blocking_portal() as portal:

        def make(base_url: str = "http://testserver", **settings: str) -> TestClient:
            for name, value in settings.items():
                monkeypatch.setenv(name, value)
            app = Starlette(
                routes=[*server.routes(), *STREAMLITS_ROUTES],
                middleware=[*server.middleware(), *create_streamlit_middleware()],
            )
            client = TestClient(app, base_url=base_url, follow_redirects=False)
            client.portal = portal  # one event loop for the test, as a server has it, and not one a request
            return client

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client()


async def _answer(_request: Request) -> Response:
    return PlainTextResponse("streamlit")


async def _set_cookies(_request: Request) -> Response:
    response = PlainTextResponse("streamlit")
    response.set_cookie(XSRF_COOKIE, "2|00|00|0", samesite="lax")
    response.set_cookie("other", "secure-is-only-a-value", samesite="lax")
    return response


# Stand-ins for what Streamlit serves.
STREAMLITS_ROUTES = [
    Route("/", _answer),
    Route("/_stcore/health", _answer),
    Route("/_stcore/metrics", _answer),
    Route("/_stcore/host-config", _set_cookies),
    Route("/upload", _answer, methods=["POST"]),
]


class Browser:
    """A browser that has been on the sign-in page: it has Streamlit's XSRF cookie."""

    def __init__(self, core: Core, client: TestClient) -> None:
        self.core = core
        self.client = client
        self.client.cookies.set(XSRF_COOKIE, generate_xsrf_token_string())

    def ticket(self, user: User) -> str:
        """Return a ticket as the sign-in form gets it, bound to this browser."""
        browser = browser_in(self.client.cookies)
        assert browser
        return self.core.accounts.issue_ticket(user, browser)

    def redeem(self, ticket: str, **query: str) -> Response:
        return self.client.get("/session/redeem", params={"ticket": ticket, **query})  # type: ignore[return-value]

    def sign_in(self, user: User) -> str:
        """Sign in and return the session's token."""
        assert self.redeem(self.ticket(user)).status_code == 303
        assert self.token
        return self.token

    @property
    def token(self) -> str | None:
        """The session token in the browser's cookies, as pages read it."""
        return token_in(self.client.cookies, secret.cookie_secret())

    @property
    def user(self) -> User | None:
        return self.core.accounts.session_user(self.token)

    @property
    def session_cookie(self) -> str | None:
        return self.client.cookies.get(SESSION_COOKIE)


@pytest.fixture
def browser(api_core: Core, client: TestClient) -> Browser:
    return Browser(api_core, client)


@pytest.fixture
def alice(api_core: Core) -> User:
    return api_core.accounts.create_user("alice@example.com", "Alice", PASSWORD, "member")


@pytest.fixture
def charlie(api_core: Core) -> User:
    return api_core.accounts.create_user("charlie@example.com", "Charlie", PASSWORD, "member")


@pytest.fixture
def root(api_core: Core) -> User:
    return api_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
