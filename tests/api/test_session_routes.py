"""A ticket becomes a session in the browser that asked for it, and signing out ends it."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import urlsplit

import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import func, select
from starlette.testclient import TestClient
from streamlit.web.server.starlette.starlette_app_utils import (
    decode_xsrf_token_string,
    generate_xsrf_token_string,
)

from app.http.cookie import MAX_AGE_SECONDS, SESSION_COOKIE, TOKEN_FIELD, XSRF_COOKIE, browser_in, token_in
from app.http.secret import cookie_secret
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import sessions
from tests.api.conftest import Browser, MakeClient
from tests.support.stopped_clock import StoppedClock

REFUSED = "/?notice=ticket"


def count_sessions(core: Core) -> int:
    with core.db.read() as connection:
        return connection.execute(select(func.count()).select_from(sessions)).scalar_one()


# --- redeem -------------------------------------------------------------------------------------


def test_alice_redeems_her_ticket_and_is_signed_in(browser: Browser, alice: User) -> None:
    answer = browser.redeem(browser.ticket(alice), next="/run?id=run_1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/run?id=run_1")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert browser.user == alice


def test_without_a_next_page_it_is_the_start_page(browser: Browser, alice: User) -> None:
    assert browser.redeem(browser.ticket(alice)).headers["location"] == "/"


@pytest.mark.parametrize("ticket", ["", "x", "0" * 43, "é", "' or 1=1 --", "x" * 5000])
def test_a_wrong_ticket_opens_nothing(browser: Browser, api_core: Core, alice: User, ticket: str) -> None:
    browser.ticket(alice)
    answer = browser.redeem(ticket)
    assert (answer.status_code, answer.headers["location"]) == (303, REFUSED)
    assert browser.session_cookie is None
    assert count_sessions(api_core) == 0


def test_a_missing_ticket_opens_nothing(browser: Browser) -> None:
    answer = browser.client.get("/session/redeem")
    assert (answer.status_code, answer.headers["location"]) == (303, REFUSED)


def test_a_ticket_works_once(browser: Browser, api_core: Core, alice: User, make_client: MakeClient) -> None:
    ticket = browser.ticket(alice)
    again = Browser(api_core, make_client())
    again.client.cookies.set(XSRF_COOKIE, browser.client.cookies[XSRF_COOKIE])
    assert browser.redeem(ticket).headers["location"] == "/"
    assert again.redeem(ticket).headers["location"] == REFUSED
    assert again.user is None


def test_a_ticket_expires_after_a_minute(browser: Browser, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    ticket = browser.ticket(alice)
    time.advance(seconds=61)
    assert browser.redeem(ticket).headers["location"] == REFUSED
    assert browser.user is None


def test_a_ticket_is_worth_nothing_in_another_browser(
    browser: Browser, api_core: Core, alice: User, make_client: MakeClient
) -> None:
    """Login by a link that somebody else sends, and a ticket that somebody else has read."""
    ticket = browser.ticket(alice)
    foreign = Browser(api_core, make_client())
    assert foreign.redeem(ticket).headers["location"] == REFUSED
    assert foreign.user is None
    assert browser.redeem(ticket).headers["location"] == "/"  # and it did not use the ticket up


def test_a_browser_without_the_xsrf_cookie_is_refused(browser: Browser, alice: User) -> None:
    ticket = browser.ticket(alice)
    browser.client.cookies.delete(XSRF_COOKIE)
    assert browser.redeem(ticket).headers["location"] == REFUSED


@pytest.mark.parametrize("value", ["", "2|", "2|zz|zz|0", "2|00000000||0", "nonsense", "é"])
def test_a_broken_xsrf_cookie_is_no_browser(browser: Browser, alice: User, value: str) -> None:
    ticket = browser.ticket(alice)
    answer = browser.client.get(
        "/session/redeem", params={"ticket": ticket}, headers={"cookie": f"{XSRF_COOKIE}={value}".encode()}
    )
    assert answer.headers["location"] == REFUSED


def test_the_browser_is_the_same_under_another_mask(browser: Browser, alice: User) -> None:
    """Streamlit masks the token anew for every page."""
    ticket = browser.ticket(alice)
    token, _ = decode_xsrf_token_string(browser.client.cookies[XSRF_COOKIE])
    browser.client.cookies.set(XSRF_COOKIE, generate_xsrf_token_string(token))
    assert browser.redeem(ticket).headers["location"] == "/"


def test_the_session_of_before_is_ended(browser: Browser, api_core: Core, alice: User, charlie: User) -> None:
    """Nobody can prepare a browser with a session and keep it after somebody else has signed in there."""
    earlier = browser.sign_in(charlie)
    later = browser.sign_in(alice)
    assert earlier != later
    assert api_core.accounts.session_user(earlier) is None
    assert api_core.accounts.session_user(later) == alice


def test_a_wrong_ticket_leaves_the_session_alone(browser: Browser, alice: User) -> None:
    browser.sign_in(alice)
    browser.redeem("wrong")
    assert browser.user == alice


def test_what_else_was_in_the_cookie_is_gone_after_signing_in(browser: Browser, alice: User) -> None:
    planted = TimestampSigner(cookie_secret()).sign(b64encode(json.dumps({"planted": 1}).encode())).decode()
    browser.client.cookies.set(SESSION_COOKIE, planted, domain="testserver.local", path="/")
    answer = browser.redeem(browser.ticket(alice))
    cookie = answer.headers["set-cookie"].split("=", 1)[1].split(";")[0]
    assert token_in({SESSION_COOKIE: cookie}, cookie_secret())
    assert b"planted" not in TimestampSigner(cookie_secret()).unsign(cookie)


def test_the_token_itself_is_not_in_the_database(browser: Browser, api_core: Core, alice: User) -> None:
    token = browser.sign_in(alice)
    with api_core.db.read() as connection:
        (row,) = connection.execute(select(sessions)).mappings().all()
    assert token not in str(dict(row))
    assert token not in browser.client.cookies[SESSION_COOKIE]  # base64 of JSON, but never in the clear


# --- where to go --------------------------------------------------------------------------------

ELSEWHERE = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "/x\\..\\evil.example",
    "http://evil.example",
    "https://evil.example/",
    "HTTPS:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "?next=//evil.example",
    "",
    " //evil.example",
    " /evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nSet-Cookie: a=b",
    "/\x00/evil.example",
    "/\u2028/evil.example",
    "\ufeff//evil.example",
    "/session/logout",
    "/session/redeem?ticket=x",
    "/oauth/start",
    "/_stcore/stream",
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_another_place_becomes_the_start_page(browser: Browser, alice: User, path: str) -> None:
    answer = browser.redeem(browser.ticket(alice), next=path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    "path",
    ["/%2f%2fevil.example", "/.//evil.example", "/%5cevil.example", "/@evil.example", "/;//evil.example", "/x//y"],
)
def test_what_looks_like_another_place_stays_here(browser: Browser, alice: User, path: str) -> None:
    location = browser.redeem(browser.ticket(alice), next=path).headers["location"]
    parts = urlsplit(location)
    assert (parts.scheme, parts.netloc) == ("", "")
    assert location.startswith("/")
    assert location[1] not in "/\\"


@pytest.mark.parametrize(
    "path",
    ["/", "/agents", "/run?id=run_01jd", "/agents?agents_search=a+b%26c&x=1", "/keys?new=1", "/?id=%C3%A9"],
)
def test_a_deep_link_survives_with_its_query(browser: Browser, alice: User, path: str) -> None:
    assert browser.redeem(browser.ticket(alice), next=path).headers["location"] == path


# --- sign out -----------------------------------------------------------------------------------


def test_signing_out_ends_the_session_everywhere(browser: Browser, api_core: Core, alice: User) -> None:
    token = browser.sign_in(alice)
    copied = browser.session_cookie
    answer = browser.client.get("/session/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    assert browser.session_cookie is None
    assert api_core.accounts.session_user(token) is None
    # Whoever has copied the cookie has nothing.
    assert api_core.accounts.session_user(token_in({SESSION_COOKIE: copied or ""}, cookie_secret())) is None


def test_signing_out_without_a_session_is_no_error(client: TestClient) -> None:
    assert client.get("/session/logout").status_code == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_sign_alice_out(browser: Browser, alice: User, site: str) -> None:
    browser.sign_in(alice)
    answer = browser.client.get("/session/logout", headers={"sec-fetch-site": site})
    assert answer.status_code == 403
    assert answer.headers["cache-control"] == "no-store"
    assert browser.user == alice


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_alice_signs_out_from_a_page_or_the_address_bar(browser: Browser, alice: User, site: str) -> None:
    browser.sign_in(alice)
    browser.client.get("/session/logout", headers={"sec-fetch-site": site})
    assert browser.user is None


# --- the cookie ---------------------------------------------------------------------------------


def test_the_cookie_is_for_the_server_only_and_for_this_site_only(browser: Browser, alice: User) -> None:
    cookie = browser.redeem(browser.ticket(alice)).headers["set-cookie"]
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert "secure" not in flags  # on plain http no browser would keep it
    assert not any(flag.startswith("domain=") for flag in flags)


def test_on_https_the_cookie_is_secure(api_core: Core, make_client: MakeClient, alice: User) -> None:
    browser = Browser(api_core, make_client("https://testserver"))
    assert browser.redeem(browser.ticket(alice)).headers["set-cookie"].endswith("; Secure")
    assert browser.user == alice
    assert "; Secure" in browser.client.get("/session/logout").headers["set-cookie"]


def signed(value: object, key: str) -> str:
    return TimestampSigner(key).sign(b64encode(json.dumps(value).encode())).decode()


def test_a_token_is_read_from_a_cookie_of_ours(browser: Browser) -> None:
    assert token_in({SESSION_COOKIE: signed({TOKEN_FIELD: "t"}, cookie_secret())}, cookie_secret()) == "t"


@pytest.mark.parametrize("position", [0, 5, -2, -20, -35])
def test_a_tampered_cookie_is_refused(browser: Browser, alice: User, position: int) -> None:
    browser.sign_in(alice)
    cookie = browser.session_cookie or ""
    changed = list(cookie)
    changed[position] = "A" if changed[position] != "A" else "B"
    assert token_in({SESSION_COOKIE: "".join(changed)}, cookie_secret()) is None


@pytest.mark.parametrize("key", ["", "some_key", "0" * 64])
def test_a_cookie_that_somebody_else_signed_is_refused(browser: Browser, key: str) -> None:
    assert token_in({SESSION_COOKIE: signed({TOKEN_FIELD: "t"}, key)}, cookie_secret()) is None


@pytest.mark.parametrize(
    "value", [[], "t", 1, None, {}, {TOKEN_FIELD: 1}, {TOKEN_FIELD: None}, {TOKEN_FIELD: ["t"]}]
)
def test_a_cookie_with_something_else_in_it_is_nobody(browser: Browser, value: object) -> None:
    assert token_in({SESSION_COOKIE: signed(value, cookie_secret())}, cookie_secret()) is None


@pytest.mark.parametrize("raw", ["", "null", "x", "..", "a.b.c", "é", "\ud800", "日本", "x" * 100_000])
def test_a_cookie_that_is_none_is_nobody(browser: Browser, raw: str) -> None:
    assert token_in({SESSION_COOKIE: raw}, cookie_secret()) is None


def test_a_cookie_without_base64_inside_is_nobody(browser: Browser) -> None:
    raw = TimestampSigner(cookie_secret()).sign("not base64 of JSON").decode()
    assert token_in({SESSION_COOKIE: raw}, cookie_secret()) is None


@pytest.mark.parametrize(("age", "is_good"), [(MAX_AGE_SECONDS, True), (MAX_AGE_SECONDS + 1, False)])
def test_an_old_cookie_is_refused(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, age: int, is_good: bool
) -> None:
    now = TimestampSigner("x").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now)
    cookie = signed({TOKEN_FIELD: "t"}, cookie_secret())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: now + age)
    assert token_in({SESSION_COOKIE: cookie}, cookie_secret()) == ("t" if is_good else None)


@pytest.mark.parametrize("raw", ["", "2|", "2|zz|zz|0", "zz", "2|a|b|c|d"])
def test_a_broken_xsrf_value_is_nobody(raw: str) -> None:
    assert browser_in({XSRF_COOKIE: raw}) is None
