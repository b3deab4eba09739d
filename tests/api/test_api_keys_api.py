"""Keys over the API: they come and change as they should, and no secret ever comes out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from core.accounts.models import User
from core.bootstrap import Core
from core.clock import now
from core.keys.models import KeyDraft
from core.keys.registry import all_kinds
from tests.api.caller import Caller
from tests.fakes.model_server import FakeModelServer

CANARY = "zk7Qx9canaryW2m4Vb8tRp3Lk6Yd1Hs5"
FRESH = "zk8Rs2canaryNewerQ5n7Zc4Xv9Bm1Kj"


@pytest.fixture
def owner(api_core: Core, client: TestClient, alice: User) -> Caller:
    return Caller(api_core, client, alice)


@pytest.fixture
def admin(api_core: Core, client: TestClient, root: User) -> Caller:
    return Caller(api_core, client, root)


@pytest.fixture
def draft(fake: FakeModelServer) -> dict[str, Any]:
    named = {"name": "Main", "kind": "llm", "provider": "openai_compatible"}
    return {**named, "secret": CANARY, "base_url": fake.openai_url}


@pytest.fixture
def key_id(owner: Caller, draft: dict[str, Any]) -> str:
    return str(owner.do(201, "POST", "/api-keys", draft)["id"])


def test_alice_adds_reads_tests_and_deletes_a_key(owner: Caller, draft: dict[str, Any]) -> None:
    prices = {"input_price_micros_per_million": 3, "output_price_micros_per_million": 7}
    answer = owner.send("POST", "/api-keys", {**draft, **prices})
    made = answer.json()
    assert answer.headers["location"] == f"/api/v1/api-keys/{made['id']}"
    assert made == {
        **made,
        **prices,
        "name": "Main",
        "kind": "llm",
        "pool": False,
        "disabled": False,
        "hint": "zk7…1Hs5",
    }
    assert owner.get(f"/api-keys/{made['id']}") == made
    assert owner.all("/api-keys", kind="llm", provider="openai_compatible") == [made]
    assert owner.all("/api-keys", kind="email") == owner.all("/api-keys", provider="openai") == []
    tested = owner.do(200, "POST", f"/api-keys/{made['id']}/test")
    assert (tested["ok"], tested["code"]) == (True, "ok")
    assert owner.all(f"/api-keys/{made['id']}/models") == tested["models"] != []
    health = owner.get(f"/api-keys/{made['id']}/health")
    assert (health["state"], health["error_rate"], len(health["days"])) == ("works", None, 30)
    assert owner.get(f"/api-keys/{made['id']}/what-breaks") == {"dependents": [], "runs": [], "shares": []}
    assert owner.all("/api-keys/usage")[0]["group"] == made["id"]
    owner.do(204, "DELETE", f"/api-keys/{made['id']}")
    assert owner.all("/api-keys") == []


def test_a_test_that_the_provider_refuses_is_an_answer(owner: Caller, fake: FakeModelServer, key_id: str) -> None:
    fake.stop()
    tested = owner.do(200, "POST", f"/api-keys/{key_id}/test")
    assert (tested["ok"], tested["code"], tested["models"]) == (False, "unreachable", [])
    assert owner.do(409, "GET", f"/api-keys/{key_id}/models")["code"] == "unreachable"


def test_everything_in_a_patch_is_done_or_nothing(owner: Caller, draft: dict[str, Any], key_id: str) -> None:
    owner.do(201, "POST", "/api-keys", {**draft, "name": "Other"})
    before = owner.get(f"/api-keys/{key_id}")
    wrong = [
        ({"name": "Other"}, 409),
        ({"secret": "two words"}, 422),
        ({"base_url": "nowhere"}, 422),
        ({"base_url": draft["base_url"], "settings": {"hosts": "x"}}, 422),
        ({"expires_on": "2001-01-01"}, 422),
        ({"pool": True}, 403),
    ]
    for change, status in wrong:
        owner.do(status, "PATCH", f"/api-keys/{key_id}", {"disabled": True, **change})
        assert owner.get(f"/api-keys/{key_id}") == before, change
    day = f"{now().year + 1}-01-31"
    change = {"name": "New", "secret": FRESH, "disabled": True, "expires_on": day}
    changed = owner.do(200, "PATCH", f"/api-keys/{key_id}", change)
    assert changed == {**before, "name": "New", "hint": "zk8…m1Kj", "disabled": True, "expires_on": day} | {
        "disabled_at": changed["disabled_at"]
    }
    assert owner.do(200, "PATCH", f"/api-keys/{key_id}", {"expires_on": None})["expires_on"] is None
    assert owner.do(200, "PATCH", f"/api-keys/{key_id}", {}) == owner.get(f"/api-keys/{key_id}")


def test_an_administrator_adds_to_the_pool_and_a_member_does_not(
    owner: Caller, admin: Caller, draft: dict[str, Any]
) -> None:
    assert admin.do(201, "POST", "/api-keys", {**draft, "pool": True})["pool"] is True
    owner.do(403, "POST", "/api-keys", {**draft, "pool": True})
    assert owner.all("/api-keys") == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"kind": "email"}, "/kind"),
        ({"provider": "nobody"}, "/provider"),
        ({"secret": "zk two"}, "/secret"),
        ({"base_url": "no address"}, "/base_url"),
        ({"provider": "openai"}, "/base_url"),
        ({"input_price_micros_per_million": 1}, "/input_price_micros_per_million"),
        ({"output_price_micros_per_million": 10**30}, "/output_price_micros_per_million"),
        ({"settings": {"x": "y"}}, "/settings"),
        ({"provider": "service_bearer", "kind": "service", "base_url": ""}, "/settings/hosts"),
        ({"pool": "yes"}, "/pool"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_a_wrong_field_is_named(owner: Caller, draft: dict[str, Any], change: dict[str, Any], pointer: str) -> None:
    problem = owner.do(422, "POST", "/api-keys", {**draft, **change})
    assert [error["pointer"] for error in problem["errors"]] == [pointer], problem
    assert CANARY not in str(problem)


def test_the_kinds_are_enough_to_draw_a_form(owner: Caller, api_core: Core) -> None:
    kinds = {kind["provider"]: kind for kind in owner.all("/api-keys/kinds", limit=3)}
    assert list(kinds) == [kind.name for kind in api_core.keys.kinds()]
    assert (kinds["openai"]["needs_secret"], kinds["openai"]["has_address"]) == (True, False)
    assert [field["name"] for field in kinds["smtp"]["fields"]] == [f.name for f in all_kinds()["smtp"].fields]


def test_pages_lose_no_key_and_give_none_twice(owner: Caller, api_core: Core, alice: User) -> None:
    for number in range(5):
        api_core.keys.add(alice.proven(now()), KeyDraft(f"K{number}", "openai", CANARY))
    names = [key["name"] for key in owner.all("/api-keys", limit=2)]
    assert names == ["K4", "K3", "K2", "K1", "K0"]
    assert owner.do(422, "GET", "/api-keys", cursor="x")["code"] == "invalid"


def test_no_secret_comes_out_or_rests_in_the_clear(
    owner: Caller,
    client: TestClient,
    api_core: Core,
    fake: FakeModelServer,
    draft: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    told = []

    def send(method: str, path: str, body: Any = None) -> Any:
        headers = {**owner.headers, **({"Idempotency-Key": f"k{len(told)}"} if method == "POST" else {})}
        sent = {"json": body} if body is not None else {}
        answer = client.request(method, f"/api/v1{path}", headers=headers, **sent)
        told.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    made = send("POST", "/api-keys", draft).json()
    send("POST", "/api-keys", draft)  # the name is taken
    send("POST", "/api-keys", {**draft, "secret": f"{CANARY} x"})
    send("POST", "/api-keys", {**draft, "secret": [CANARY]})
    send("POST", "/api-keys", {**draft, "api_key": CANARY})
    send("PATCH", f"/api-keys/{made['id']}", {"secret": FRESH, "base_url": fake.openai_url})
    send("PATCH", f"/api-keys/{made['id']}", {"secret": FRESH, "base_url": "http://10.0.0.1/"})
    for path in ("", "/health", "/what-breaks", "/models"):
        send("GET", f"/api-keys/{made['id']}{path}")
    send("POST", f"/api-keys/{made['id']}/test")
    send("GET", "/api-keys")
    assert [line[:3] for line in told] == ["201", "409", *["422"] * 3, "200", "422", *["200"] * 6]
    with api_core.db.read() as connection:
        rows = connection.execute(text("SELECT * FROM idempotency_keys")).all()
        rows += connection.execute(text("SELECT * FROM audit_log")).all()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    output = "".join(capfd.readouterr())
    hay = f"{told}{rows}{caplog.text}{output}".encode() + files
    assert len(rows) > 3
    for secret in (CANARY, FRESH):
        assert secret.encode() not in hay
