"""The pages of passkeys and what their script posts: our own page only, strict JSON, and a session at the end."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from app.http.cookie import XSRF_COOKIE, browser_in
from app.http.passkey_routes import PAGES
from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import passkey_challenges, passkeys
from core.passkeys.models import Site
from tests.api.conftest import Browser, MakeClient
from tests.fakes.authenticator import Authenticator, assertion_json, attestation_json
from tests.support.stopped_clock import StoppedClock

ORIGIN = "http://localhost:8501"
SITE = Site("localhost", ORIGIN)
HERE = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}
CEREMONIES = tuple(PAGES)


@pytest.fixture
def client(make_client: MakeClient) -> TestClient:
    return make_client(ORIGIN)


@pytest.fixture
def device(api_core: Core, alice: User) -> Authenticator:
    """Alice's device, with a passkey of hers."""
    made = Authenticator(origin=ORIGIN)
    actor = alice.proven(clock.now())
    api_core.passkeys.add(actor, SITE, "b", made.create(api_core.passkeys.begin_adding(actor, SITE, "b")))
    return made


def post(browser: Browser, ceremony: str, step: str, body: Any = None, **headers: str) -> httpx.Response:
    return browser.client.post(  # type: ignore[return-value]
        f"/session/passkey/{ceremony}/{step}", json={} if body is None else body, headers={**HERE, **headers}
    )


def use(
    browser: Browser, ceremony: str, device: Authenticator, next_path: str = "/", **more: str
) -> httpx.Response:
    options = post(browser, ceremony, "options", more)
    assert options.status_code == 200, options.text
    answer = assertion_json(device.get(options.json()))
    return post(browser, ceremony, "finish", {"answer": answer, "next": next_path, **more})


def code_of(answer: httpx.Response) -> str:
    assert set(answer.json()) == {"code", "sentence"}
    return str(answer.json()["code"])


# --- the pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ceremony", CEREMONIES)
def test_a_page_has_no_inline_code_and_goes_nowhere_else(browser: Browser, alice: User, ceremony: str) -> None:
    browser.sign_in(alice)
    answer = browser.client.get(f"/session/passkey/{ceremony}", params={"next": "/keys"})
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", answer.text)
    for asset in re.findall(r'(?:src|href)="(/session/passkey/[^"]+)"', answer.text):
        assert browser.client.get(asset).status_code == 200
    assert 'data-next="/keys"' in answer.text


ELSEWHERE = ["//evil.example", "https://evil.example", "/session/logout", "javascript:alert(1)"]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_a_page_never_leads_to_another_place(browser: Browser, path: str) -> None:
    text = browser.client.get("/session/passkey/sign-in", params={"next": path}).text
    assert 'data-next="/"' in text
    assert "evil" not in text
    assert "javascript" not in text.replace("text/javascript", "").replace("JavaScript", "")


def test_what_stands_in_the_address_is_no_markup(browser: Browser) -> None:
    text = browser.client.get("/session/passkey/sign-in", params={"next": '/"><script>x</script>'}).text
    assert "<script>x" not in text
    assert '"><script' not in text


@pytest.mark.parametrize("ceremony", ["add", "confirm"])
def test_who_is_signed_out_is_sent_to_the_form(browser: Browser, ceremony: str) -> None:
    answer = browser.client.get(f"/session/passkey/{ceremony}", params={"next": "/security"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/security")


def test_the_script_and_style_have_their_types(browser: Browser) -> None:
    kinds = {
        name: browser.client.get(f"/session/passkey/{name}").headers["content-type"].split(";")[0]
        for name in ("passkey.js", "passkey.css", "mark.svg")
    }
    assert kinds == {"passkey.js": "text/javascript", "passkey.css": "text/css", "mark.svg": "image/svg+xml"}


# --- the ceremonies -----------------------------------------------------------------------------


def test_alice_signs_in_with_a_passkey_alone(browser: Browser, alice: User, device: Authenticator) -> None:
    answer = use(browser, "sign-in", device, "/run?id=run_1")
    assert answer.status_code == 200
    assert answer.json() == {"next": "/run?id=run_1"}
    assert answer.headers["cache-control"] == "no-store"
    assert browser.user == alice


def test_the_session_of_before_is_ended(
    browser: Browser, api_core: Core, charlie: User, alice: User, device: Authenticator
) -> None:
    earlier = browser.sign_in(charlie)
    use(browser, "sign-in", device)
    assert browser.user == alice
    assert api_core.accounts.session_user(earlier) is None


def test_she_goes_on_inside_only(browser: Browser, device: Authenticator) -> None:
    assert use(browser, "sign-in", device, "//evil.example").json() == {"next": "/"}


def test_it_finishes_a_half_sign_in(browser: Browser, api_core: Core, alice: User, device: Authenticator) -> None:
    found = browser_in(browser.client.cookies)
    assert found
    token = api_core.two_factor.begin_sign_in(alice, found)
    assert code_of(post(browser, "second-step", "options", {"token": "x"})) == "second_step_over"
    assert use(browser, "second-step", device, "/keys", token=token).json() == {"next": "/keys"}
    assert browser.user == alice
    assert code_of(post(browser, "second-step", "options", {"token": token})) == "second_step_over"


def test_it_confirms_in_the_session_of_the_cookie(
    browser: Browser, alice: User, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    browser.sign_in(alice)
    time.advance(minutes=11)
    assert use(browser, "confirm", device, "/keys?new=1").json() == {"next": "/keys?new=1&notice=passkey_confirmed"}
    assert browser.user is not None
    assert browser.user.proved_at == time.moment


def test_alice_adds_another_one(browser: Browser, api_core: Core, alice: User) -> None:
    browser.sign_in(alice)
    device = Authenticator(origin=ORIGIN)
    made = attestation_json(device.create(post(browser, "add", "options").json()))
    answer = post(browser, "add", "finish", {"answer": made, "next": "/security"})
    assert answer.json() == {"next": "/security?notice=passkey_added"}
    assert len(api_core.passkeys.list(alice)) == 1
    assert code_of(post(browser, "add", "finish", {"answer": made})) == "passkey_over"


def test_adding_asks_for_a_recent_proof(browser: Browser, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    browser.sign_in(alice)
    time.advance(minutes=11)
    answer = post(browser, "add", "options")
    assert (answer.status_code, code_of(answer)) == (403, "step_up_required")


@pytest.mark.parametrize("ceremony", ["add", "confirm"])
def test_nobody_adds_or_confirms_without_a_session(browser: Browser, device: Authenticator, ceremony: str) -> None:
    assert code_of(post(browser, ceremony, "options")) == "passkey_signed_out"


def test_charlie_does_not_confirm_with_alices_passkey(
    browser: Browser, charlie: User, api_core: Core, device: Authenticator
) -> None:
    charlies = Authenticator(origin=ORIGIN)
    actor = charlie.proven(clock.now())
    api_core.passkeys.add(actor, SITE, "b", charlies.create(api_core.passkeys.begin_adding(actor, SITE, "b")))
    browser.sign_in(charlie)
    assert code_of(use(browser, "confirm", device)) == "passkey_unknown"


def test_a_challenge_is_worth_nothing_in_another_browser(
    browser: Browser, api_core: Core, make_client: MakeClient, device: Authenticator
) -> None:
    """A sign-in that somebody else has prepared, and an answer that somebody else has read."""
    answer = assertion_json(device.get(post(browser, "sign-in", "options").json()))
    foreign = Browser(api_core, make_client(ORIGIN))
    assert code_of(post(foreign, "sign-in", "finish", {"answer": answer})) == "passkey_over"
    assert foreign.user is None
    assert post(browser, "sign-in", "finish", {"answer": answer}).status_code == 200
    assert code_of(post(browser, "sign-in", "finish", {"answer": answer})) == "passkey_over"


def test_a_browser_without_the_xsrf_cookie_gets_no_challenge(browser: Browser) -> None:
    browser.client.cookies.delete(XSRF_COOKIE)
    assert code_of(post(browser, "sign-in", "options")) == "passkey_over"


def test_an_answer_made_for_another_page_is_refused(browser: Browser, device: Authenticator) -> None:
    device.origin = "http://localhost:8502"
    assert code_of(use(browser, "sign-in", device)) == "passkey_refused"
    assert browser.user is None


# --- who may post, and what ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:8502"},
        {"origin": "https://localhost:8501"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
    ids=str,
)
@pytest.mark.parametrize("ceremony", CEREMONIES)
def test_another_site_gets_nothing(
    browser: Browser, api_core: Core, alice: User, ceremony: str, headers: dict[str, str]
) -> None:
    browser.sign_in(alice)
    for step in ("options", "finish"):
        answer = post(browser, ceremony, step, **headers)
        assert (answer.status_code, code_of(answer)) == (403, "passkey_foreign")
    with api_core.db.read() as connection:
        assert connection.execute(select(func.count()).select_from(passkey_challenges)).scalar_one() == 0


def test_a_post_without_an_origin_is_refused(browser: Browser) -> None:
    answer = browser.client.post("/session/passkey/sign-in/options", json={})
    assert (answer.status_code, code_of(answer)) == (403, "passkey_foreign")


def test_a_post_cannot_be_made_by_a_form(browser: Browser) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = browser.client.post(
            "/session/passkey/sign-in/options", content="{}", headers={**HERE, "content-type": kind}
        )
        assert (answer.status_code, code_of(answer)) == (400, "invalid")


GOOD = assertion_json(
    Authenticator(user_handle=b"u").get({"rpId": "localhost", "challenge": "AAAA", "allowCredentials": []})
)
WRONG: list[Any] = [
    [],
    "x",
    None,
    {"next": "/"},
    {"answer": None},
    {"answer": {}},
    {"answer": GOOD, "role": "admin"},
    {"answer": {**GOOD, "more": 1}},
    {"answer": {**GOOD, "id": ""}},
    {"answer": {**GOOD, "id": 7}},
    {"answer": {**GOOD, "id": "not base64url!"}},
    {"answer": {**GOOD, "id": "A"}},
    {"answer": {**GOOD, "id": "A" * 1400}},
    {"answer": {**GOOD, "signature": None}},
    {"answer": {**GOOD, "signature": "é"}},
    {"answer": {**GOOD, "userHandle": {}}},
    {"answer": GOOD, "next": 1},
    {"answer": GOOD, "next": "/" + "x" * 2000},
    {"answer": GOOD, "token": "x" * 201},
]


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_another_form_is_refused(browser: Browser, body: Any) -> None:
    answer = browser.client.post(
        "/session/passkey/sign-in/finish",
        content=json.dumps(body),
        headers={**HERE, "content-type": "application/json"},
    )
    assert (answer.status_code, code_of(answer)) == (400, "invalid")
    assert "AAAA" not in answer.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{" * 50_000, b'{"token": "' + b"x" * 70_000 + b'"}'])
def test_what_is_no_json_or_too_large_is_refused(browser: Browser, content: bytes) -> None:
    answer = browser.client.post(
        "/session/passkey/sign-in/options", content=content, headers={**HERE, "content-type": "application/json"}
    )
    assert (answer.status_code, code_of(answer)) == (400, "invalid")


@pytest.mark.parametrize("step", ["options", "finish"])
def test_only_posts_do_something(browser: Browser, step: str) -> None:
    assert browser.client.get(f"/session/passkey/sign-in/{step}").status_code == 405


def test_too_many_tries_are_told_to_wait(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch)
    for _ in range(60):
        assert post(browser, "sign-in", "options").status_code == 200
    answer = post(browser, "sign-in", "options")
    assert (answer.status_code, code_of(answer)) == (429, "rate_limited_here")
    assert int(answer.headers["retry-after"]) > 0


# --- where it works -----------------------------------------------------------------------------


def test_at_a_bare_address_it_says_where_to_go(api_core: Core, make_client: MakeClient) -> None:
    browser = Browser(api_core, make_client("http://127.0.0.1:8501"))
    answer = post(browser, "sign-in", "options", origin="http://127.0.0.1:8501")
    assert code_of(answer) == "passkeys_not_here"
    assert "http://localhost:8501" in answer.json()["sentence"]


def test_behind_a_proxy_they_belong_to_the_name_that_people_open(
    api_core: Core, make_client: MakeClient, alice: User
) -> None:
    browser = Browser(api_core, make_client("http://zoark.example.com", ZOARK_TRUST_PROXY="true"))
    origin = "https://zoark.example.com"
    proxied = {"origin": origin, "x-forwarded-proto": "https"}
    options = post(browser, "sign-in", "options", **proxied)
    assert options.json()["rpId"] == "zoark.example.com"
    assert code_of(post(browser, "sign-in", "options", origin=origin)) == "passkey_foreign"  # it came over http


def test_nothing_but_the_public_key_is_kept(browser: Browser, api_core: Core, device: Authenticator) -> None:
    options = post(browser, "sign-in", "options").json()
    with api_core.db.read() as connection:
        (row,) = connection.execute(select(passkeys)).mappings().all()
        challenges = connection.execute(select(passkey_challenges)).all()
    assert set(row) == {
        "id",
        "user_id",
        "credential_id",
        "public_key",
        "sign_count",
        "name",
        "transports",
        "is_backed_up",
        "created_at",
        "last_used_at",
    }
    assert options["challenge"] not in repr(challenges)
