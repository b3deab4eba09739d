"""Webhooks over the API: made, changed, tested, replayed; the log in pages; no secret but when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.accounts.models import User
from core.bootstrap import Core
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer

URL = "/api/v1/webhooks"
EVENTS = ["key.failing", "run.failed", "run.failed"]


@pytest.fixture
def headers(api_core: Core, alice: User) -> dict[str, str]:
    pair = api_core.logins.login(alice.email, PASSWORD, None, "tests")
    return {"Authorization": f"Bearer {pair.access.get_secret_value()}"}


@pytest.fixture
def made(client: TestClient, headers: Mapping[str, str], fake: FakeModelServer) -> Any:
    """One that leads to a server which answers 404."""
    body = {"name": "Alarms", "url": f"http://127.0.0.1:{fake.port}/hook", "events": EVENTS}
    answer = client.post(URL, json=body, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{URL}/{answer.json()['id']}"
    return answer.json()


def test_one_is_made_changed_and_deleted(client: TestClient, headers: Mapping[str, str], made: Any) -> None:
    assert made["secret"].startswith("whsec_")
    assert (made["events"], made["active"], made["organisation"]) == (["run.failed", "key.failing"], True, False)
    at = f"{URL}/{made['id']}"
    shown = client.get(at, headers=headers).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert client.get(URL, headers=headers).json() == {"items": [shown], "next": None}
    changed = client.patch(at, json={"active": False, "name": "Off"}, headers=headers).json()
    assert changed == {**shown, "active": False, "disabled_reason": "person", "name": "Off"}
    off = client.post(f"{at}/test", headers=headers)
    assert (off.status_code, off.json()["code"]) == (409, "conflict")
    assert client.patch(at, json={"active": True}, headers=headers).json()["disabled_reason"] is None
    fresh = client.post(f"{at}/rotate-secret", headers=headers).json()
    assert fresh["secret"] not in ("", made["secret"])
    assert fresh["previous_secret_until"] is not None
    assert client.delete(at, headers=headers).status_code == 204
    assert client.get(at, headers=headers).status_code == 404


def test_a_test_is_followed_and_replayed(
    client: TestClient, api_core: Core, headers: Mapping[str, str], made: Any
) -> None:
    at = f"{URL}/{made['id']}"
    sent = client.post(f"{at}/test", headers=headers)
    assert (sent.status_code, sent.json()["status"], sent.json()["attempts"]) == (202, "waiting", 0)
    api_core.webhook_courier.deliver_next()
    where = sent.headers["Location"]
    tried = client.get(where, headers=headers).json()
    assert (tried["status"], tried["attempts"], tried["response_status"]) == ("waiting", 1, 404)
    assert tried["error"] == {"code": "refused", "message": "It answered with an error."}
    assert tried["payload"]["data"] == {"webhook_id": made["id"]}
    again = client.post(f"{where}/replay", headers=headers)
    assert (again.status_code, again.headers["Location"], again.json()["id"]) == (202, where, tried["id"])
    assert client.post(f"{at}/replay-failed", json={}, headers=headers).json() == {"count": 0}
    assert client.get(at, headers=headers).json()["last_delivery"]["id"] == tried["id"]


def test_the_log_loses_nothing_between_pages(
    client: TestClient, api_core: Core, headers: Mapping[str, str], made: Any
) -> None:
    at = f"{URL}/{made['id']}"
    ids = [client.post(f"{at}/test", headers=headers).json()["id"] for _ in range(5)]
    found: list[str] = []
    query: dict[str, str] = {"limit": "2", "status": "waiting"}
    while query:
        page = client.get(f"{at}/deliveries", params=query, headers=headers).json()
        found += [item["id"] for item in page["items"]]
        query = {**query, "cursor": page["next"]} if page["next"] else {}
    assert found == sorted(ids, reverse=True)
    assert client.get(f"{at}/deliveries?status=failed", headers=headers).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://example.com/"}, None),
        ({"url": "https://10.0.0.1/"}, None),
        ({"url": "https://exämple.com/"}, "/url"),
        ({"name": " "}, "/name"),
        ({"events": []}, "/events"),
        ({"events": ["run.started"]}, "/events/0"),
        ({"organisation": 1}, "/organisation"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    client: TestClient, headers: Mapping[str, str], change: dict[str, Any], pointer: str | None
) -> None:
    body = {"name": "Alarms", "url": "https://example.com/", "events": ["run.failed"], **change}
    answer = client.post(URL, json=body, headers=headers)
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ([pointer] if pointer else [])


def test_moments_and_cursors_beyond_all_measure_are_no_accident(
    client: TestClient, headers: Mapping[str, str], made: Any
) -> None:
    at = f"{URL}/{made['id']}"
    for since in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-24T00:00:00", "x"):
        assert client.post(f"{at}/replay-failed", json={"since": since}, headers=headers).status_code == 422
    for cursor in ("x", "WzFd", "WyJcdTAwMDAiXQ"):
        assert client.get(f"{at}/deliveries", params={"cursor": cursor}, headers=headers).status_code in (200, 422)


def test_a_personal_token_makes_none_but_tests_and_reads(
    client: TestClient, api_core: Core, alice: User, headers: Mapping[str, str], made: Any
) -> None:
    token = api_core.tokens.create(alice, "t", ["webhooks:read", "webhooks:write"], 1).secret.get_secret_value()
    own = {"Authorization": f"Bearer {token}"}
    body = {"name": "Alarms", "url": "https://example.com/", "events": ["run.failed"]}
    for refused in (
        client.post(URL, json=body, headers=own),
        client.patch(f"{URL}/{made['id']}", json={"url": "https://example.com/"}, headers=own),
        client.post(f"{URL}/{made['id']}/rotate-secret", headers=own),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "step_up_required")
    assert client.post(f"{URL}/{made['id']}/test", headers=own).status_code == 202
    assert made["secret"] not in client.get(URL, headers=own).text
