"""Personal tokens at the HTTP face: what they look like, what they may do, when they end, what the log says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.tokens import format as token_format
from tests.conftest import PASSWORD
from tests.support.stopped_clock import StoppedClock

DRAFT = {"name": "CI", "scopes": ["account:read", "account:write"], "expires_in_days": 7}
URL = "/api/v1/tokens"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def login(core: Core, user: User) -> dict[str, str]:
    return bearer(core.logins.login(user.email, PASSWORD, None, "curl/8").access.get_secret_value())


def make(core: Core, user: User, *scopes: str, days: int = 7) -> tuple[str, dict[str, str]]:
    made = core.tokens.create(user.proven(clock.now()), clock.new_id("t"), scopes, days)
    return made.token.id, bearer(made.secret.get_secret_value())


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_alice_makes_a_token_that_is_shown_once(client: TestClient, api_core: Core, alice: User) -> None:
    headers = login(api_core, alice)
    answer = client.post(URL, json=DRAFT, headers=headers)
    made = answer.json()
    secret = made.pop("token")
    assert (answer.status_code, answer.headers["location"]) == (201, f"{URL}/{made['id']}")
    assert token_format.is_well_formed(secret)
    assert secret.startswith(made["hint"].rstrip("…"))
    assert client.get(f"{URL}/{made['id']}", headers=headers).json() == made
    listed = client.get(URL, headers=headers)
    assert listed.json() == {"items": [made], "next": None}
    assert secret not in listed.text
    assert client.get("/api/v1/account", headers=bearer(secret)).json()["email"] == alice.email
    assert code(client.post(URL, json=DRAFT, headers=headers)) == (409, "conflict")


def test_a_token_never_makes_another_nor_touches_the_password(
    client: TestClient, api_core: Core, alice: User
) -> None:
    _, headers = make(api_core, alice, "account:read", "account:write")
    change = {"present": PASSWORD, "new": "another long sentence"}
    for path, body in (("/tokens", DRAFT), ("/auth/password", change)):
        assert code(client.post(f"/api/v1{path}", json=body, headers=headers)) == (403, "step_up_required")
    assert len(api_core.tokens.list(alice)) == 1
    assert api_core.accounts.authenticate(alice.email, PASSWORD) == alice


def test_an_old_login_is_asked_to_log_in_again(
    client: TestClient, api_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    headers = login(api_core, alice)
    time.advance(minutes=11)
    assert code(client.post(URL, json=DRAFT, headers=headers)) == (403, "step_up_required")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["runs:read", "everything"]}, "/scopes"),
        ({"scopes": "runs:read"}, "/scopes"),
        ({"expires_in_days": 366}, "/expires_in_days"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": None}, "/expires_in_days"),
        ({"name": " "}, "/name"),
        ({"user_id": "user_1"}, "/user_id"),
    ],
)
def test_a_bad_draft_is_told_where_it_is_bad(
    client: TestClient, api_core: Core, alice: User, change: dict[str, Any], pointer: str
) -> None:
    answer = client.post(URL, json={**DRAFT, **change}, headers=login(api_core, alice))
    assert code(answer) == (422, "invalid")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_scopes_are_explained(client: TestClient, api_core: Core, alice: User) -> None:
    found = client.get(f"{URL}/scopes", headers=login(api_core, alice)).json()
    assert {
        "name": "runs:write",
        "about": "Run agents and workflows, chat with them, cancel and retry runs",
    } in found["items"]


def test_pages_of_tokens_lose_and_repeat_nothing(client: TestClient, api_core: Core, alice: User) -> None:
    ids = [make(api_core, alice, "runs:read")[0] for _ in range(5)]
    headers, seen, cursor = login(api_core, alice), [], None
    while cursor is not None or not seen:
        page = client.get(URL, params={"limit": 2, "cursor": cursor} if cursor else {"limit": 2}, headers=headers)
        seen += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next"]
    assert seen == ids[::-1]


def test_a_token_ends_when_it_expires_is_revoked_or_its_owner_is_suspended(
    client: TestClient, api_core: Core, alice: User, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    root = root.proven(time())
    _, day = make(api_core, alice, "account:read", days=1)
    gone_id, gone = make(api_core, alice, "account:read")
    _, kept = make(api_core, alice, "account:read", "account:write")

    def statuses() -> list[int]:
        return [client.get("/api/v1/account", headers=one).status_code for one in (day, gone, kept)]

    assert statuses() == [200, 200, 200]
    assert client.delete(f"{URL}/{gone_id}", headers=kept).status_code == 204
    assert client.delete(f"{URL}/{gone_id}", headers=kept).status_code == 404
    assert statuses() == [200, 401, 200]
    time.advance(hours=24)
    assert statuses() == [401, 401, 200]
    api_core.people.suspend(root.proven(time()), alice.id)
    assert statuses() == [401, 401, 401]


def test_a_long_answer_notices_within_its_next_look_that_a_token_has_ended(
    api_core: Core, alice: User, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    first, _ = make(api_core, alice, "runs:read", days=1)
    second, _ = make(api_core, alice, "runs:read")
    assert [api_core.tokens.is_good(one) for one in (first, second, "token_1")] == [True, True, False]
    time.advance(days=1)
    assert [api_core.tokens.is_good(one) for one in (first, second)] == [False, True]
    api_core.people.suspend(root.proven(time()), alice.id)
    assert not api_core.tokens.is_good(second)


def test_a_token_says_when_it_was_last_used(
    client: TestClient, api_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    token_id, headers = make(api_core, alice, "account:read")
    assert api_core.tokens.get(alice, token_id).last_used_at is None
    client.get("/api/v1/account", headers=headers)
    first = time()
    time.advance(seconds=59)
    client.get("/api/v1/account", headers=headers)
    assert api_core.tokens.get(alice, token_id).last_used_at == first
    time.advance(seconds=2)
    client.get("/api/v1/account", headers=headers)
    assert api_core.tokens.get(alice, token_id).last_used_at == time()


def test_the_audit_log_names_the_token_that_acted(
    client: TestClient, api_core: Core, alice: User, root: User
) -> None:
    other, _ = make(api_core, alice, "runs:read")
    token = api_core.tokens.create(alice.proven(clock.now()), "Night shift", ["account:write"], 7)
    headers = bearer(token.secret.get_secret_value())
    answer = client.delete(f"{URL}/{other}", headers=headers)
    assert client.delete(f"{URL}/{token.token.id}", headers=login(api_core, alice)).status_code == 204
    until = clock.now() + timedelta(seconds=1)
    by_login, by_token = api_core.audit.search(root, until - timedelta(hours=1), until, action="token.revoked")
    assert (by_token.actor_email, by_token.on_behalf_of, by_token.actor_id) == (
        f"API token Night shift ({token.token.id})",
        alice.email,
        alice.id,
    )
    assert by_token.request_id == answer.headers["x-request-id"]
    assert (by_login.actor_email, by_login.on_behalf_of) == (alice.email, "")
    assert api_core.audit.verify().problem is None
