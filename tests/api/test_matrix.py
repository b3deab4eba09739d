"""Every route for everybody: without a token, with a bad or a narrow one, for each role, and for strangers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from string import Formatter
from typing import Any

import pytest
from starlette.testclient import TestClient

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.discovery import found_in
from core.logins import access
from core.runs.queue import RunQueue
from core.tokens.models import SCOPES
from tests.api import calls
from tests.api.calls.call import Call, Sent
from tests.conftest import PASSWORD
from tests.fakes.model_server import FakeModelServer
from tests.support.stage import DEPARTMENT, Stage

ACTORS = ("stranger", "viewer", "member", "manager", "admin")
PREFIX = "/api/v1"
TABLE: dict[str, Call] = {
    name: call for table in found_in(calls, "CALLS", but=["call"]) for name, call in table.items()
}


@dataclass(frozen=True)
class Route:
    """A route as the OpenAPI document has it."""

    name: str
    method: str
    path: str
    scopes: tuple[str, ...] | None  # None: public
    statuses: frozenset[int]


def routes_of(document: dict[str, Any]) -> Iterator[Route]:
    for path, operations in document["paths"].items():
        for method, told in operations.items():
            security = told.get("security")
            scopes = tuple(security[0]["bearer"]) if security else None
            statuses = frozenset(map(int, told["responses"]))
            yield Route(told["operationId"], method, path, scopes, statuses)


@pytest.fixture
def routes(client: TestClient) -> list[Route]:
    return sorted(routes_of(client.get(f"{PREFIX}/openapi.json").json()), key=lambda route: route.name)


@pytest.fixture
def stage_for(api_core: Core, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give an actor of a kind, and a stage with what the actor reaches for."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)
    people = api_core.accounts

    def make(kind: str) -> tuple[User, Stage]:
        role: Any = "member" if kind == "stranger" else kind
        actor = people.create_user("actor@example.com", "Actor", PASSWORD, role)
        root = people.create_user("root@example.com", "Root", PASSWORD, "admin")
        api_core.people.set_department(root, actor.id, DEPARTMENT)
        alice = people.create_user("alice@example.com", "Alice", PASSWORD, "member")
        return actor, Stage(api_core, fake, alice if kind == "stranger" else replace(actor, department=DEPARTMENT))

    return make


def send(client: TestClient, route: Route, sent: Sent, token: str | None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = {"json": sent.body} if sent.body is not None else {}
    address = PREFIX + route.path.format(**sent.path)
    return client.request(route.method, address, params=dict(sent.query), headers=headers, **body)


def test_every_route_is_in_the_matrix(routes: list[Route]) -> None:
    assert {route.name for route in routes} == set(TABLE)
    assert len({route.name for route in routes}) == len(routes)


@pytest.mark.parametrize("kind", ACTORS)
def test_every_route_answers_as_the_matrix_says(
    client: TestClient, api_core: Core, routes: list[Route], stage_for: Any, kind: str
) -> None:
    actor, stage = stage_for(kind)
    wrong, undocumented, token = {}, {}, ""
    for route in routes:
        call = TABLE[route.name]
        if not api_core.logins.bearer(token):  # some routes end sessions
            token = api_core.logins.login(actor.email, PASSWORD, None, "tests").access.get_secret_value()
        answer = send(client, route, call.make(stage), token if route.scopes is not None else None)
        if answer.status_code != call.statuses[ACTORS.index(kind)]:
            wrong[route.name] = (answer.status_code, answer.text[:200])
        if answer.status_code not in route.statuses:
            undocumented[route.name] = answer.status_code
    assert (wrong, undocumented) == ({}, {})


def test_no_route_answers_without_a_token_that_is_good_and_wide_enough(
    client: TestClient, api_core: Core, routes: list[Route], stage_for: Any
) -> None:
    actor, _ = stage_for("admin")
    session_id = api_core.sessions.id_of(api_core.accounts.start_session(actor, "tests"))
    claims = access.Claims(actor.id, str(session_id), "jti_1")
    old = access.sign(api_core.ring, claims, clock.now() - access.LIFE - timedelta(seconds=1))
    wrong = {}
    for route in routes:
        if route.scopes is None:
            continue
        # The values in the path are nobody's: who may not call must not learn even that.
        sent = Sent({name: "x" for _, name, _, _ in Formatter().parse(route.path) if name})
        found = {name: send(client, route, sent, token) for name, token in bad_tokens(old).items()}
        if route.scopes:
            others = [scope for scope in SCOPES if scope not in route.scopes]
            narrow = api_core.tokens.create(actor, clock.new_id("t"), others, 1)
            found["narrow"] = send(client, route, sent, narrow.secret.get_secret_value())
            api_core.tokens.revoke(actor, narrow.token.id)
        codes = {name: (answer.status_code, code_of(answer)) for name, answer in found.items()}
        expected = dict.fromkeys(bad_tokens(old), (401, "not_signed_in"))
        if route.scopes:
            expected["narrow"] = (403, "scope_missing")
        if codes != expected:
            wrong[route.name] = codes
    assert wrong == {}


def code_of(answer: Any) -> str:
    """Return an error's code; OpenAI's protocol has it elsewhere."""
    body = answer.json()
    return str(body.get("error", body)["code"])


def bad_tokens(old: str) -> dict[str, str | None]:
    made_up = "zoark_" + "0" * 49
    return {"none": None, "nonsense": "nonsense", "made up": made_up, "expired": old}
