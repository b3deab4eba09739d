"""Idempotency-Key at the HTTP face: a repeated POST gets the first answer and does nothing twice."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support.stage import Stage

DRAFT = {"name": "CI", "scopes": ["runs:read"], "expires_in_days": 7}
TOKENS, AGENTS = "/api/v1/tokens", "/api/v1/custom-agents"


def post(client: TestClient, token: str, body: Any = DRAFT, key: str = "k1", path: str = TOKENS) -> Any:
    return client.post(path, json=body, headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key})


@pytest.fixture
def mine(api_core: Core, alice: User) -> str:
    return api_core.logins.login(alice.email, PASSWORD, None, "tests").access.get_secret_value()


def test_the_first_answer_comes_again_and_nothing_is_made_twice(
    client: TestClient, api_core: Core, alice: User, charlie: User, mine: str
) -> None:
    first, again = post(client, mine), post(client, mine)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    other = post(client, mine, {**DRAFT, "name": "Other"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    theirs = api_core.logins.login(charlie.email, PASSWORD, None, "tests").access.get_secret_value()
    assert post(client, theirs).json()["id"] != first.json()["id"]
    assert (len(api_core.tokens.list(alice)), len(api_core.tokens.list(charlie))) == (1, 1)


def test_a_later_login_gets_the_answer_too_but_nobody_without_one(
    client: TestClient, api_core: Core, alice: User, mine: str
) -> None:
    first = post(client, mine)
    later = api_core.logins.login(alice.email, PASSWORD, None, "tests").access.get_secret_value()
    assert post(client, later).content == first.content
    for session in api_core.sessions.list(alice):
        api_core.sessions.end(alice, session.id)
    assert post(client, mine).status_code == 401


def test_a_narrow_token_does_not_fetch_what_a_wide_one_was_answered(
    client: TestClient, api_core: Core, fake: FakeModelServer, alice: User
) -> None:
    alice = alice.proven(clock.now())
    wide, narrow = (
        api_core.tokens.create(alice, scope, [scope], 1).secret.get_secret_value()
        for scope in ("agents:write", "usage:read")
    )
    fields = Stage(api_core, fake, alice).fields()
    draft = {"api_key_id": fields.pop("key_id"), **fields}
    assert post(client, wide, draft, path=AGENTS).status_code == 201
    refused = post(client, narrow, draft, path=AGENTS)
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert post(client, narrow, draft, key="k2", path=AGENTS).status_code == 403


def test_what_was_refused_may_be_sent_again_with_the_same_key(
    client: TestClient, api_core: Core, alice: User, mine: str
) -> None:
    taken = api_core.tokens.create(alice.proven(clock.now()), "CI", ["runs:read"], 1).token.id
    assert post(client, mine).status_code == 409
    assert post(client, mine, {**DRAFT, "scopes": []}).status_code == 422
    api_core.tokens.revoke(alice, taken)
    assert post(client, mine).status_code == 201


def test_what_broke_on_our_side_may_be_sent_again(
    client: TestClient, api_core: Core, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    quiet = TestClient(client.app, raise_server_exceptions=False)
    with monkeypatch.context() as patched:
        patched.setattr(api_core.tokens, "create", broken)
        assert post(quiet, mine).status_code == 500
    assert post(quiet, mine).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 201, "é", "a\tb"])
def test_an_odd_key_is_refused(client: TestClient, mine: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {mine}", "Idempotency-Key": key.encode("latin-1")}
    assert client.post(TOKENS, json=DRAFT, headers=headers).status_code == 422  # type: ignore[arg-type]
