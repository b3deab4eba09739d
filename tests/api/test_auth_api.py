"""Registering, logging in and staying logged in at the HTTP face."""

from __future__ import annotations

from typing import Any

import pyotp
import pytest
from starlette.testclient import TestClient

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from tests.api.conftest import MakeClient
from tests.conftest import PASSWORD
from tests.support.mailbox import MemoryTransport
from tests.support.stopped_clock import StoppedClock

API = "/api/v1"
REGISTRATION = {"email": "dora@example.com", "name": "Dora", "password": PASSWORD}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def post(client: TestClient, path: str, body: Any, token: str = "") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post(API + path, json=body, headers=headers)


def login(client: TestClient, user: User, **more: str) -> Any:
    return post(client, "/auth/login", {"email": user.email, "password": PASSWORD, **more})


def me(client: TestClient, token: str) -> int:
    return client.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_from_registering_to_logging_out(client: TestClient, api_core: Core) -> None:
    made = post(client, "/auth/register", REGISTRATION)
    assert (made.status_code, made.json()["role"]) == (201, "member")
    assert code(post(client, "/auth/register", REGISTRATION)) == (409, "conflict")
    pair = post(client, "/auth/login", {"email": "dora@example.com", "password": PASSWORD}).json()
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 900)
    assert me(client, pair["access_token"]) == 200
    fresh = post(client, "/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()
    assert me(client, fresh["access_token"]) == 200
    assert post(client, "/auth/logout", None, fresh["access_token"]).status_code == 204
    assert (me(client, fresh["access_token"]), me(client, pair["access_token"])) == (401, 401)
    refused = post(client, "/auth/refresh", {"refresh_token": fresh["refresh_token"]})
    assert code(refused) == (401, "refresh_refused")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_refresh_token_that_comes_twice_ends_the_login(client: TestClient, alice: User) -> None:
    pair = login(client, alice).json()
    fresh = post(client, "/auth/refresh", {"refresh_token": pair["refresh_token"]}).json()
    assert code(post(client, "/auth/refresh", {"refresh_token": pair["refresh_token"]}))[0] == 401
    assert me(client, fresh["access_token"]) == 401


def test_the_second_factor_is_asked_for_and_each_code_is_good_once(
    client: TestClient, api_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    alice = api_core.accounts.authenticate(alice.email, PASSWORD)
    app = pyotp.TOTP(api_core.two_factor.begin(alice).text.replace(" ", ""))
    paper = api_core.two_factor.enable(alice, app.at(time.moment)).codes
    time.advance(seconds=30)
    right = app.at(time.moment)
    assert code(login(client, alice)) == (401, "totp_required")
    assert code(login(client, alice, totp="12345")) == (401, "code_refused")
    assert login(client, alice, totp=right).status_code == 200
    assert code(login(client, alice, totp=right)) == (401, "code_refused")
    assert login(client, alice, totp=paper[0]).status_code == 200
    token = login(client, alice, totp=paper[1]).json()["access_token"]
    shown = client.get(f"{API}/account/two-factor", headers={"Authorization": f"Bearer {token}"}).json()
    assert (shown["recovery_codes_left"], shown["passkeys"], shown["is_met"]) == (8, 0, True)


def test_guessing_is_told_how_long_to_wait(
    client: TestClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    wrong = {"email": alice.email, "password": "wrong"}
    assert [code(post(client, "/auth/login", wrong))[0] for _ in range(5)] == [401] * 4 + [429]
    locked = login(client, alice)
    assert (code(locked), locked.headers["retry-after"]) == ((429, "locked_out"), "1")


def test_trying_many_accounts_from_one_address_is_slowed_down(
    client: TestClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    bodies = [{"email": f"p{number}@example.com", "password": "Summer 2026"} for number in range(21)]
    assert [post(client, "/auth/login", body).status_code for body in bodies] == [401] * 20 + [429]
    answer = login(client, alice)
    assert (code(answer), answer.headers["retry-after"]) == ((429, "locked_out"), "30")


@pytest.mark.parametrize("mode", ["closed", "invite"])
def test_nobody_registers_where_it_is_not_open(
    api_core: Core, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(api_core.organisation, "registration", lambda *_: mode)
    assert code(post(make_client(), "/auth/register", REGISTRATION)) == (403, "registration_closed")


def test_only_the_companys_addresses_register(client: TestClient, api_core: Core, root: User) -> None:
    api_core.organisation.change(root.proven(clock.now()), {"allowed_email_domains": ("acme.example",)})
    answer = post(client, "/auth/register", REGISTRATION)
    assert code(answer) == (422, "invalid")
    assert answer.json()["errors"][0]["pointer"] == "/email"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/login", {"email": "a@example.com"}),
        ("/auth/login", {"email": ["a@example.com"], "password": PASSWORD}),
        ("/auth/login", {"email": "a@example.com", "password": PASSWORD, "role": "admin"}),
        ("/auth/login", {"email": "a@example.com", "password": "x" * 1001}),
        ("/auth/refresh", {"refresh_token": None}),
        ("/auth/refresh", {}),
        ("/auth/register", {**REGISTRATION, "role": "admin"}),
        ("/auth/register", {**REGISTRATION, "password": "short"}),
        ("/auth/register", {**REGISTRATION, "email": "nobody"}),
        ("/auth/password-reset", {"email": None}),
    ],
)
def test_a_bad_body_is_refused_and_never_repeated(client: TestClient, path: str, body: Any) -> None:
    answer = post(client, path, body)
    assert code(answer) == (422, "invalid") or path == "/auth/password-reset"
    assert PASSWORD not in answer.text


def test_alice_changes_her_password_and_her_other_logins_end(client: TestClient, alice: User) -> None:
    mine, other = (login(client, alice).json()["access_token"] for _ in range(2))
    new = "another long sentence"
    wrong = post(client, "/auth/password", {"present": "wrong", "new": new}, mine)
    assert (code(wrong), wrong.json()["errors"][0]["pointer"]) == ((422, "invalid"), "/present")
    short = post(client, "/auth/password", {"present": PASSWORD, "new": "short"}, mine)
    assert (code(short), short.json()["errors"][0]["pointer"]) == ((422, "invalid"), "/new")
    assert post(client, "/auth/password", {"present": PASSWORD, "new": new}, mine).status_code == 204
    assert (me(client, mine), me(client, other)) == (200, 401)
    assert code(login(client, alice)) == (401, "sign_in_refused")


def test_asking_for_a_new_password_says_the_same_to_everybody(
    client: TestClient, api_core: Core, alice: User
) -> None:
    assert code(post(client, "/auth/password-reset", {"email": alice.email})) == (409, "mail_not_set_up")
    api_core.mail.transport = MemoryTransport()
    known, unknown = (
        post(client, "/auth/password-reset", {"email": address}) for address in (alice.email, "x@example.com")
    )
    assert (known.status_code, known.json()) == (202, unknown.json())
    assert unknown.status_code == 202
    answers = [post(client, "/auth/password-reset", {"email": alice.email}) for _ in range(5)]
    assert code(answers[-1]) == (429, "rate_limited_here")
    assert int(answers[-1].headers["retry-after"]) > 0


def test_alice_sees_her_sessions_and_ends_them(client: TestClient, api_core: Core, alice: User) -> None:
    api_core.accounts.start_session(alice, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    here = login(client, alice).json()["access_token"]
    headers = {"Authorization": f"Bearer {here}"}
    first, second = client.get(f"{API}/sessions", headers=headers).json()["items"]
    assert (first["is_current"], second["is_current"], second["device"]) == (True, False, "Firefox on Linux")
    third = login(client, alice).json()["access_token"]
    assert client.delete(f"{API}/sessions/{second['id']}", headers=headers).status_code == 204
    assert client.delete(f"{API}/sessions", headers=headers).json() == {"ended": 1}
    assert (me(client, here), me(client, third)) == (200, 401)
    assert client.delete(f"{API}/sessions/{first['id']}", headers=headers).status_code == 204
    assert me(client, here) == 401
