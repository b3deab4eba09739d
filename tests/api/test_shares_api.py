"""Sharing agents and keys over the API."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from core.accounts.models import User
from core.bootstrap import Core
from tests.fakes.model_server import FakeModelServer
from tests.support.listening import access_token
from tests.support.stage import Stage

Alice = tuple[Stage, TestClient]


@pytest.fixture
def at(api_core: Core, client: TestClient, alice: User, fake: FakeModelServer) -> Alice:
    """Alice's things, and a client with her token."""
    client.headers["Authorization"] = f"Bearer {access_token(api_core, alice)}"
    client.base_url = client.base_url.join("/api/v1/")
    return Stage(api_core, fake, alice), client


def test_an_agent_is_shared_by_address_department_and_with_everyone(at: Alice, charlie: User) -> None:
    stage, client = at
    address = f"custom-agents/{stage.agent().id}/shares"
    by_mail = client.put(address, json={"kind": "person", "email": "Charlie@example.com", "level": "run"}).json()
    assert {**by_mail, "created_at": ""} == {
        "kind": "person",
        "id": charlie.id,
        "name": "Charlie",
        "level": "run",
        "created_at": "",
    }
    client.put(address, json={"kind": "department", "id": "hr", "level": "view"})
    client.put(address, json={"kind": "everyone", "level": "view"})
    assert client.put(address, json={"kind": "person", "id": charlie.id, "level": "edit"}).json()["level"] == "edit"
    found: list[Any] = []
    query: dict[str, Any] = {"limit": 1}
    while query.get("cursor", "") is not None:
        page = client.get(address, params=query).json()
        found += page["items"]
        query["cursor"] = page["next"]
    assert [(share["kind"], share["id"], share["level"]) for share in found] == [
        ("person", charlie.id, "edit"),
        ("everyone", None, "view"),
        ("department", "hr", "view"),
    ]
    assert client.delete(address, params={"kind": "person", "email": "charlie@example.com"}).status_code == 204
    assert client.delete(address, params={"kind": "person", "id": charlie.id}).status_code == 404
    assert client.delete(address, params={"kind": "everyone"}).status_code == 204
    assert [share["id"] for share in client.get(address).json()["items"]] == ["hr"]


def test_a_key_is_lent_to_an_agent(at: Alice) -> None:
    stage, client = at
    agent = stage.agent()
    address = f"api-keys/{agent.definition.key_id}/shares"
    shown = client.put(address, json={"kind": "agent", "id": agent.id, "level": "run"})
    assert (shown.status_code, shown.json()["name"]) == (200, "A")
    assert [share["id"] for share in client.get(address).json()["items"]] == [agent.id]


def test_a_personal_token_may_not_share_a_key(at: Alice) -> None:
    stage, client = at
    token = stage.core.tokens.create(stage.owner, "t", ["keys:write"], 1).secret.get_secret_value()
    answer = client.put(
        f"api-keys/{stage.key().id}/shares",
        json={"kind": "everyone", "level": "run"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"kind": "everyone", "id": "x", "level": "view"}, 422, "/id"),
        ({"kind": "everyone", "id": "", "level": "view"}, 200, ""),
        ({"kind": "person", "level": "view"}, 422, "/id"),
        ({"kind": "person", "id": "x", "email": "a@example.com", "level": "view"}, 422, "/email"),
        ({"kind": "department", "email": "a@example.com", "level": "view"}, 422, "/email"),
        ({"kind": "department", "id": "nowhere", "level": "view"}, 422, "/department"),
        ({"kind": "person", "email": "no address", "level": "view"}, 422, "/email"),
        ({"kind": "person", "email": "nobody@example.com", "level": "view"}, 404, ""),
        ({"kind": "person", "id": "user_0", "level": "view"}, 404, ""),
        ({"kind": "agent", "id": "agent_0", "level": "view"}, 422, "/grantee"),
        ({"kind": "robots", "id": "x", "level": "view"}, 422, "/kind"),
        ({"kind": "everyone", "level": "own"}, 422, "/level"),
    ],
)
def test_what_cannot_be_shared_is_one_sentence(at: Alice, body: dict[str, Any], status: int, pointer: str) -> None:
    stage, client = at
    answer = client.put(f"custom-agents/{stage.agent().id}/shares", json=body)
    assert answer.status_code == status
    if pointer:
        assert answer.json()["errors"][0]["pointer"] == pointer
