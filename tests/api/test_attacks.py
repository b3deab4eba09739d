"""Attacks over HTTP, each twice: it is refused, and with exactly its guard taken out it succeeds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.routing import Route

from app.http import audit_routes, server, session_routes
from core.accounts.models import User
from core.bootstrap import Core
from tests.api.conftest import Browser, MakeClient
from tests.support.unguarded import take_out

FOREIGN = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
CHECK = 'request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")'

Attack = Callable[[], bool]


# --- session fixation -----------------------------------------------------------------------------


def plant(browser: Browser, alice: User, charlie: User) -> tuple[str, str]:
    """Charlie signs in in a browser and notes the token; then Alice signs in there. Return both tokens."""
    return browser.sign_in(charlie), browser.sign_in(alice)


def test_the_session_before_is_not_the_one_after(
    browser: Browser, api_core: Core, alice: User, charlie: User
) -> None:
    before, after = plant(browser, alice, charlie)
    assert before != after
    assert api_core.accounts.session_user(before) is None
    assert api_core.accounts.session_user(after) == alice


def test_it_would_live_on_if_nobody_ended_it(
    browser: Browser, api_core: Core, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = "await run_in_threadpool(runtime.get_core().accounts.end_session, old)"
    take_out(monkeypatch, session_routes, "_keep", end, "pass")
    before, _ = plant(browser, alice, charlie)
    assert api_core.accounts.session_user(before) == charlie


def test_it_would_be_the_same_if_the_browser_kept_it(
    browser: Browser, alice: User, charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = "    request.session.clear()\n    request.session[field] = value\n"
    keep = "    request.session.setdefault(field, value)\n"
    take_out(monkeypatch, session_routes, "_keep", fresh, keep)
    before, after = plant(browser, alice, charlie)
    assert before == after


# --- another site ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/session/redeem", "/session/logout", "/session/audit.csv"])
def test_a_post_of_another_site_does_nothing(browser: Browser, api_core: Core, root: User, path: str) -> None:
    token = browser.sign_in(root)
    ticket = browser.ticket(root)
    answer = browser.client.post(path, data={"ticket": ticket, "days": "7"}, headers=FOREIGN)
    assert answer.status_code == 405
    assert browser.token == token
    assert browser.user == root


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("what", ["logout", "export"])
@pytest.mark.parametrize("is_guarded", [True, False])
def test_another_site_signs_nobody_out_and_takes_no_copy(
    api_core: Core,
    make_client: MakeClient,
    root: User,
    what: str,
    method: str,
    is_guarded: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even if the routes took a POST, the check of where it comes from stands behind them."""
    if not is_guarded:
        module, name = {"logout": (session_routes, "logout"), "export": (audit_routes, "export")}[what]
        take_out(monkeypatch, module, name, CHECK, "False")
    path, endpoint = {
        "logout": ("/session/logout", session_routes.logout),
        "export": (audit_routes.PATH, audit_routes.export),
    }[what]
    others = [route for route in server.routes() if route.path != path]
    monkeypatch.setattr(server, "routes", lambda: [*others, Route(path, endpoint, methods=["GET", "POST"])])
    browser = Browser(api_core, make_client())
    browser.sign_in(root)
    answer = browser.client.request(method, path, params={"days": "7"}, headers=FOREIGN)
    gained = browser.user is None if what == "logout" else "root@example.com" in answer.text
    assert gained == (not is_guarded)
    assert answer.status_code == (403 if is_guarded else {"logout": 303, "export": 200}[what])
