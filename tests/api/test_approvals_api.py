"""Approvals over the API: listed, read and decided, by whoever is asked; a run's owner follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from core import clock
from core.accounts.models import User
from core.approvals.models import Editable
from core.bootstrap import Core
from tests.conftest import PASSWORD
from tests.support.asking import ask, person

URL = "/api/v1/approvals"
Headers = Callable[[User], Mapping[str, str]]


@pytest.fixture
def headers(api_core: Core) -> Headers:
    def of(user: User) -> Mapping[str, str]:
        pair = api_core.logins.login(user.email, PASSWORD, None, "tests")
        return {"Authorization": f"Bearer {pair.access.get_secret_value()}"}

    return of


@pytest.fixture
def bob(api_core: Core) -> User:
    return api_core.accounts.create_user("bob@example.com", "Bob", PASSWORD, "member")


def test_bob_reads_what_is_asked_and_approves_with_an_edited_value(
    client: TestClient, api_core: Core, headers: Headers, alice: User, bob: User
) -> None:
    shown = {"zebra": [1, None], "b": "ACME"}
    asked = ask(api_core, alice, person(bob), message="Look.", show=shown, edit=Editable("amount", 5000))
    found = client.get(f"{URL}/{asked.id}", headers=headers(bob)).json()
    assert found["data"] == [{"name": name, "value": value} for name, value in shown.items()]
    assert found["editable"] == {"name": "amount", "value": 5000, "type": "number"}
    assert found["asked_by"] == {"id": alice.id, "name": "Alice"}
    assert found["approver"] == {"kind": "person", "id": bob.id, "name": "Bob"}
    assert (found["status"], found["may_decide"], found["decided_by"]) == ("open", True, None)
    assert (found["cost_micros"], found["estimate_micros"]) == (0, 0)
    body = {"decision": "approve", "comment": "Less.", "value": "4,800"}
    decided = client.post(f"{URL}/{asked.id}", json=body, headers=headers(bob))
    assert decided.status_code == 200
    assert {name: decided.json()[name] for name in ("status", "comment", "value", "decided_by")} == {
        "status": "approved",
        "comment": "Less.",
        "value": 4800,
        "decided_by": {"id": bob.id, "name": "Bob"},
    }
    assert client.get(f"{URL}/{asked.id}", headers=headers(alice)).json() == decided.json()


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"decision": "maybe"}, 422, "/decision"),
        ({}, 422, "/decision"),
        ({"decision": "approve", "value": "much"}, 422, "/value"),
        ({"decision": "approve", "value": {"deep": [1]}}, 422, "/value"),
        ({"decision": "reject", "comment": "x" * 2001}, 422, "/comment"),
    ],
)
def test_a_decision_that_is_none_is_refused_with_the_place(
    client: TestClient, api_core: Core, headers: Headers, alice: User, body: Any, status: int, told: str
) -> None:
    asked = ask(api_core, alice, person(alice), edit=Editable("amount", 5000))
    answer = client.post(f"{URL}/{asked.id}", json=body, headers=headers(alice))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, told)
    assert api_core.approvals.get(alice, asked.id).is_open


def test_the_second_decision_is_answered_with_who_was_first(
    client: TestClient, api_core: Core, headers: Headers, alice: User, bob: User
) -> None:
    asked = ask(api_core, alice, person(bob))
    as_bob = headers(bob)
    assert client.post(f"{URL}/{asked.id}", json={"decision": "reject"}, headers=as_bob).status_code == 200
    second = client.post(f"{URL}/{asked.id}", json={"decision": "approve"}, headers=as_bob)
    assert (second.status_code, second.json()["detail"]) == (409, "Bob rejected this.")


def test_a_repeated_request_with_the_same_key_is_answered_as_before(
    client: TestClient, api_core: Core, headers: Headers, alice: User, bob: User
) -> None:
    asked = ask(api_core, alice, person(bob))
    keyed = {**headers(bob), "Idempotency-Key": "once"}
    answers = [client.post(f"{URL}/{asked.id}", json={"decision": "approve"}, headers=keyed) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


def test_alice_who_asked_may_not_decide_and_charlie_sees_nothing(
    client: TestClient, api_core: Core, headers: Headers, alice: User, bob: User, charlie: User
) -> None:
    asked = ask(api_core, alice, person(bob))
    body = {"decision": "approve"}
    assert client.post(f"{URL}/{asked.id}", json=body, headers=headers(alice)).status_code == 403
    as_charlie = headers(charlie)
    assert client.post(f"{URL}/{asked.id}", json=body, headers=as_charlie).status_code == 404
    assert client.get(f"{URL}/{asked.id}", headers=as_charlie).status_code == 404
    for role in ("approver", "asker"):
        assert client.get(URL, params={"role": role}, headers=as_charlie).json() == {"items": [], "next": None}


def test_lists_are_filtered_and_lose_nothing_between_pages(
    client: TestClient, api_core: Core, headers: Headers, alice: User, bob: User
) -> None:
    made = [ask(api_core, alice, person(bob)).id for _ in range(5)]
    api_core.approvals.decide(bob, made[2], "reject")
    as_bob, found, cursor = headers(bob), [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = client.get(URL, params=query, headers=as_bob).json()
        found += [item["id"] for item in page["items"]]
        if (cursor := page["next"]) is None:
            break
    assert found == made[::-1]
    assert "data" not in page["items"][0]

    def ids(user: User, **query: Any) -> list[str]:
        answer = client.get(URL, params=query, headers=headers(user))
        return [item["id"] for item in answer.json()["items"]]

    assert ids(bob, status="rejected") == [made[2]]
    assert ids(bob, status=["rejected", "open"]) == found
    assert ids(bob, role="asker") == []
    assert ids(alice, role="asker", status="open") == [one for one in found if one != made[2]]
    assert client.get(URL, params={"cursor": "x"}, headers=as_bob).status_code == 422


def test_a_token_decides_within_its_scopes_only(
    client: TestClient, api_core: Core, alice: User, bob: User, root: User
) -> None:
    asked = ask(api_core, alice, person(bob))
    for scopes, status in ((["approvals:read"], 403), (["approvals:write"], 200)):
        made = api_core.tokens.create(bob, scopes[0], scopes, 1)
        bearer = {"Authorization": f"Bearer {made.secret.get_secret_value()}"}
        answer = client.post(f"{URL}/{asked.id}", json={"decision": "approve"}, headers=bearer)
        assert answer.status_code == status
    (entry,) = api_core.audit.search(root, bob.created_at, clock.now())[:1]
    assert entry.action == "approval.approved"
    assert "API token" in entry.actor_email
