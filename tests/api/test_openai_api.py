"""Errors, repeats and limits of the chat completions, without a worker: each run is ended as soon as it started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api import open_runs
from core.accounts.models import User
from core.bootstrap import Core
from core.config import ROOT
from core.llm.pricing import OwnPrice, Tokens
from core.runs.queue import RunQueue
from core.usage.models import CallOrigin
from tests.fakes.model_server import FakeModelServer
from tests.support.stage import Stage

CHAT = "/api/v1/openai/v1/chat/completions"


@pytest.fixture
def stage(api_core: Core, fake: FakeModelServer, alice: User, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Alice's, and every run of hers succeeds at once."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)

    def end() -> None:
        for run in api_core.runs.list(alice):
            if run.is_active:
                api_core.journal.succeed(run.id, "Done.")

    api_core.runs.waking.on_work(end)
    return Stage(api_core, fake, alice)


Post = Callable[..., Any]


@pytest.fixture
def post(client: TestClient, api_core: Core, alice: User) -> Post:
    token = api_core.tokens.create(alice, "t", ["runs:write"], 1).secret.get_secret_value()

    def send(model: str, path: str = CHAT, headers: dict[str, str] | None = None, **named: Any) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **named}
        return client.post(path, json=body, headers={"Authorization": f"Bearer {token}", **(headers or {})})

    return send


def test_every_error_has_openais_shape(client: TestClient, stage: Stage, post: Post) -> None:
    agent_id = stage.agent().id
    answers = {
        404: post(agent_id, "/api/v1/openai/v1/embeddings"),
        405: client.get(CHAT),
        413: post(agent_id, messages=[{"role": "user", "content": "x" * 300_000}]),
        415: client.post(CHAT, content="x", headers={"Content-Type": "text/plain"}),
        422: post(agent_id, messages=[{"role": "nobody", "content": "x"}]),
        401: client.post(CHAT, json={}, headers={"Authorization": "Bearer nonsense"}),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-should-retry"] == "false"
        assert len(answer.headers["x-request-id"]) > 5
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "code", "param"}
    assert answers[405].headers["allow"] == "POST"
    assert client.get("/api/v1/openai/v1/models/a/b").status_code == 404
    assert answers[422].json()["error"]["param"] == "messages[0].role"
    assert answers[401].json()["error"]["type"] == "authentication_error"
    assert client.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"


def test_a_name_is_enough_where_only_one_agent_has_it(stage: Stage, post: Post) -> None:
    first = stage.core.agents.create(stage.owner, {**stage.fields(), "name": "Clerk"})
    assert post("Clerk").json()["model"] == first.id
    stage.core.agents.create(stage.owner, {**stage.fields(), "name": "Clerk"})
    refused = post("Clerk")
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "model")
    assert post(first.id).status_code == 200


def test_a_repeated_request_gets_the_first_answer_and_no_second_run(stage: Stage, post: Post) -> None:
    agent_id = stage.agent().id
    first, again = (post(agent_id, headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, first.json()) == (200, again.json())
    assert first.json()["choices"][0]["message"]["content"] == "Done."
    assert len(stage.core.runs.list(stage.owner)) == 1


def test_so_many_requests_wait_and_no_more(stage: Stage, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_runs, "MOST_OF_ONE", 0)
    refused = post(stage.agent().id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_open")
    assert refused.headers["retry-after"] == "5"
    assert "x-should-retry" not in refused.headers
    assert stage.core.runs.list(stage.owner) == []
    monkeypatch.undo()
    assert open_runs._open == {}


def test_a_refused_start_gives_the_place_back(stage: Stage, post: Post) -> None:
    assert post(stage.agent().id, messages=[{"role": "user", "content": "x" * 200_001}]).status_code == 422
    assert open_runs._open == {}


def test_usage_that_a_provider_did_not_tell_is_unknown(api_core: Core, stage: Stage, post: Post) -> None:
    key = stage.key()
    for tokens, expected in ((Tokens(7, 3, 2), 10), (None, None)):

        def book(said: Tokens | None = tokens) -> None:
            for run in api_core.runs.list(stage.owner)[:1]:
                origin = CallOrigin(run.id, "agent", run.agent_id, stage.owner.id, "hr", key.id, "openai", "m")
                call_id = api_core.usage.open_call(origin, Tokens(9, 9), OwnPrice(1_000_000, 1_000_000))
                api_core.usage.settle(call_id, origin, said, 5)

        api_core.runs.waking._listeners.insert(0, book)
        usage = post(stage.agent().id).json()["usage"]
        api_core.runs.waking._listeners.pop(0)
        assert (usage and usage["total_tokens"]) == expected
        if usage:
            assert (usage["prompt_tokens_details"], usage["cost_micros"]) == ({"cached_tokens": 2}, 10)


def test_the_description_has_these_errors_in_their_own_shape(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    chat = paths["/openai/v1/chat/completions"]["post"]["responses"]
    told = {status: set(answer["content"]) for status, answer in chat.items()}
    assert told.pop("200") == {"application/json", "text/event-stream"}
    assert set(told) >= {"400", "401", "402", "404", "409", "413", "415", "422", "424", "429", "503"}
    assert set(map(tuple, told.values())) == {("application/json",)}
    assert "/mcp" not in paths


def test_the_api_loads_no_sdk_before_somebody_speaks_mcp() -> None:
    code = (
        "import sys; from app.api.application import create_api; from core.config import load_settings;"
        "create_api(load_settings()); print('mcp' in sys.modules, 'openai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
