"""Runs over the API: what is sent and answered against what the core knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.principal import Principal
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import RateLimited
from core.llm.pricing import OwnPrice, Tokens
from core.runs.models import Run
from core.runs.queue import RunQueue
from core.usage.models import CallOrigin
from tests.fakes.model_server import FakeModelServer
from tests.support.listening import access_token, told
from tests.support.stage import Stage
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import a_worker

Alice = tuple[Stage, TestClient]
SECRET = "zk-Secret-0123456789"
SHAPE = {
    *("id", "status", "output", "error", "cost_micros", "input_tokens", "output_tokens", "created_at", "ended_at"),
    *("title", "agent_id", "department", "inputs", "started_at", "budget_micros", "is_stopping", "queue"),
    *("model_calls", "unpriced_calls", "workflow_id", "workflow_version", "is_test", "outputs", "wake_at"),
    *("origin_run_id", "parent_run_id", "shared_at"),
}


@pytest.fixture
def at(
    api_core: Core, client: TestClient, alice: User, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> Alice:
    """Alice's things, and a client with her token."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)
    client.headers["Authorization"] = f"Bearer {access_token(api_core, alice)}"
    client.base_url = client.base_url.join("/api/v1/")
    return Stage(api_core, fake, alice), client


def call(core: Core, run: Run, key_id: str, price: OwnPrice | None) -> None:
    """Let a run make a call of 1,000 tokens in and 100 out."""
    origin = CallOrigin(run.id, "agent", run.agent_id, run.owner_id, run.department, key_id, "openai", "fake-1")
    call_id = core.usage.open_call(origin, Tokens(2000, 100), price)
    core.usage.settle(call_id, origin, Tokens(1000, 100), 1500)


def test_executing_an_agent_starts_a_run_that_can_be_read(at: Alice) -> None:
    stage, client = at
    agent = stage.agent()
    sent = {"inputs": {"input": " Look at this. "}, "budget_micros": 5000}
    answer = client.post(f"custom-agents/{agent.id}/execute", json=sent)
    assert answer.status_code == 202
    run_id = answer.json()["run_id"]
    assert answer.json() == {"run_id": run_id}
    assert answer.headers["location"] == f"/api/v1/runs/{run_id}"
    shown = client.get(f"runs/{run_id}").json()
    assert set(shown) == SHAPE
    assert shown["queue"] == {"ahead": 0, "full": None}
    assert (shown["status"], shown["inputs"], shown["budget_micros"]) == (
        "queued",
        {"input": "Look at this."},
        5000,
    )
    assert (shown["output"], shown["error"], shown["ended_at"], shown["cost_micros"]) == (None, None, None, 0)
    assert client.get(f"runs/{run_id}/result").json()["code"] == "not_found"


def test_a_run_that_ended_has_costs_calls_and_a_result(at: Alice) -> None:
    stage, client = at
    run, core = stage.run(), stage.core
    key_id = core.agents.get(stage.owner, str(run.agent_id)).definition.key_id
    core.journal.begin(run.id)
    call(core, run, key_id, OwnPrice(2_000_000, 8_000_000))
    core.journal.succeed(run.id, "# Hello\n\U0001f600")
    shown = client.get(f"runs/{run.id}", params={"wait": 30}).json()
    assert (shown["status"], shown["output"], shown["cost_micros"]) == ("succeeded", "# Hello\n\U0001f600", 2800)
    assert (shown["input_tokens"], shown["output_tokens"], shown["model_calls"]) == (1000, 100, 1)
    (made,) = client.get(f"runs/{run.id}/model-calls").json()["items"]
    assert (made["cost_micros"], made["duration_ms"], made["price"]["source"]) == (2800, 1500, "own")
    assert made["price"]["steps"][0]["output_micros_per_million"] == 8_000_000
    assert "key_id" not in made
    result = client.get(f"runs/{run.id}/result")
    assert (result.text, result.headers["content-type"]) == ("# Hello\n\U0001f600", "text/plain; charset=utf-8")
    result = client.get(f"runs/{run.id}/result", headers={"Accept": "text/markdown"})
    assert result.headers["content-type"] == "text/markdown; charset=utf-8"


def test_a_price_that_is_unknown_is_null_even_beside_known_ones(at: Alice) -> None:
    stage, client = at
    run, core = stage.run(), stage.core
    key_id = core.agents.get(stage.owner, str(run.agent_id)).definition.key_id
    for price in (OwnPrice(2_000_000, 8_000_000), None):
        call(core, run, key_id, price)
    shown = client.get(f"runs/{run.id}").json()
    assert (shown["cost_micros"], shown["unpriced_calls"]) == (None, 1)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/input"),
        ({"input": "a", "inputs": {"input": "b"}}, "/input"),
        ({"input": None, "budget_micros": 1}, "/input"),
        ({"input": " \n"}, "/input"),
        ({"inputs": {"other": "a"}}, "/inputs/input"),
        ({"input": "a", "budget_micros": -1}, "/budget_micros"),
        ({"input": "a", "budget_micros": 10**30}, "/budget_micros"),
        ({"input": "a", "budget_micros": "5"}, "/budget_micros"),
        ({"input": "a", "model": "b"}, "/model"),
        ({"input": "a" * 200_001}, "/input"),
    ],
)
def test_what_cannot_be_executed_is_one_sentence(at: Alice, body: dict[str, Any], pointer: str) -> None:
    stage, client = at
    agent = stage.agent()
    answer = client.post(f"custom-agents/{agent.id}/execute", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert stage.core.runs.list(stage.owner) == []


def test_executing_twice_with_one_key_starts_one_run_also_at_the_same_moment(at: Alice) -> None:
    stage, client = at
    address, moment = f"custom-agents/{stage.agent().id}/execute", Barrier(6)

    def execute(_: int) -> tuple[int, Any]:
        own = TestClient(client.app, str(client.base_url), headers=dict(client.headers))
        moment.wait()
        answer = own.post(address, json={"input": "text"}, headers={"Idempotency-Key": "one"})
        return answer.status_code, answer.json().get("run_id") or answer.json()["code"]

    with ThreadPoolExecutor(6) as threads:
        found = set(threads.map(execute, range(6)))
    (run,) = stage.core.runs.list(stage.owner)
    assert found <= {(202, run.id), (409, "idempotency_in_progress")}
    again = client.post(address, json={"input": "text"}, headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()) == (202, {"run_id": run.id})
    assert again.headers["location"] == f"/api/v1/runs/{run.id}"
    assert len(stage.core.runs.list(stage.owner)) == 1


def test_who_waits_gets_the_run_when_it_ends_and_its_id_when_not(
    at: Alice, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, client = at
    address, journal = f"custom-agents/{stage.agent().id}/execute", stage.core.journal
    assert client.post(address, json={"input": "text"}, params={"wait": 1}).status_code == 202

    def work(_queue: RunQueue, run_id: str, *_: object) -> None:
        journal.begin(run_id)
        journal.succeed(run_id, "Done.")

    monkeypatch.setattr(RunQueue, "enqueue", work)
    a_worker(stage.core, slots=8)
    answer = client.post(address, json={"input": "text"}, params={"wait": 30}, headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["output"]) == (200, "Done.")
    assert answer.headers["location"] == f"/api/v1/runs/{answer.json()['id']}"
    again = client.post(address, json={"input": "text"}, params={"wait": 30}, headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()) == (200, answer.json())
    for wait in ("31", "-1", "x"):
        assert client.post(address, json={"input": "text"}, params={"wait": wait}).status_code == 422


def test_pages_of_runs_lose_none_and_filters_hold(at: Alice) -> None:
    stage, client = at
    agent = stage.agent()
    made = [stage.core.runs.start_agent_run(stage.owner, agent.id, f"text {n}").id for n in range(7)]
    stage.core.runs.cancel(stage.owner, made[3])
    found: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while query.get("cursor", "") is not None:
        page = client.get("runs", params=query).json()
        found += [run["id"] for run in page["items"]]
        query["cursor"] = page["next"]
    assert found == made[::-1]
    by_state = client.get("runs", params={"status": ["cancelled", "failed"], "agent_id": agent.id}).json()
    assert [run["id"] for run in by_state["items"]] == [made[3]]
    moment = stage.core.runs.get(stage.owner, made[5]).created_at.isoformat()
    assert [run["id"] for run in client.get("runs", params={"created_after": moment}).json()["items"]] == made[
        :4:-1
    ]
    assert len(client.get("runs", params={"created_before": moment}).json()["items"]) == 5


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "WyJ4IiwieCJd"},
        {"cursor": "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzE0OjAwIiwieCJd"},
        {"status": "done"},
        {"created_after": "0001-01-01T00:00:00+14:00"},
        {"created_after": "2026-01-01T00:00:00"},
        {"limit": "0"},
        {"unknown": "1"},
    ],
)
def test_a_list_that_cannot_be_asked_for_is_refused(at: Alice, query: dict[str, str]) -> None:
    answer = at[1].get("runs", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


def test_events_come_in_pages_and_as_a_stream_to_the_end(at: Alice) -> None:
    stage, client = at
    run, core = stage.run(), stage.core
    core.journal.begin(run.id)
    for number in range(5):
        core.journal.event(run.id, "tick", "agent", {"n": number, "text": "a\nb"})
    core.journal.fail(run.id, RateLimited())
    found: list[Any] = []
    after: str | None = "0"
    while after is not None:
        page = client.get(f"runs/{run.id}/events", params={"after": after, "limit": 3}).json()
        found += page["items"]
        after = page["next"]
    assert [set(event) for event in found] == [{"seq", "at", "kind", "node_id", "data"}] * 8
    assert [(event["seq"], event["kind"]) for event in found] == [
        (event.seq, event.kind) for event in core.runs.events(stage.owner, run.id)
    ]
    headers = {"Accept": "text/event-stream"}
    stream = client.get(f"runs/{run.id}/events", headers=headers)
    assert [one.data for one in told(stream)] == [*found, {"status": "failed"}]
    resumed = client.get(f"runs/{run.id}/events?after=1", headers={**headers, "Last-Event-ID": "6"})
    assert [one.id for one in told(resumed)] == ["7", "8", None]
    for wrong in ("-1", "x", "5.0", "1_0", "9" * 30):
        assert client.get(f"runs/{run.id}/events", params={"after": wrong}).status_code == 422
        assert client.get(f"runs/{run.id}/events", headers={"Last-Event-ID": wrong}).status_code == 422


def test_who_listens_with_a_token_is_cut_off_when_it_expires(at: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    core, alice = at[0].core, at[0].owner
    listener = Principal(alice, "token", f"token/{core.tokens.create(alice, 't', ['runs:read'], 1).token.id}")
    time = StoppedClock(monkeypatch)
    assert listener.is_alive()
    time.advance(days=2)
    assert not listener.is_alive()


def test_only_so_many_may_listen(at: Alice, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, client = at
    monkeypatch.setattr("app.api.event_hub.MOST_LISTENERS", 0)
    answer = client.get(f"runs/{stage.run().id}/events", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        429,
        "too_many_listeners",
        "5",
    )


def test_a_run_is_cancelled_and_retried(at: Alice) -> None:
    stage, client = at
    run = stage.core.runs.start_agent_run(stage.owner, stage.agent().id, "text", 700)
    assert client.post(f"runs/{run.id}/retry").json()["code"] == "conflict"
    assert client.post(f"runs/{run.id}/cancel").json()["status"] == "cancelled"
    assert client.post(f"runs/{run.id}/cancel").json()["status"] == "cancelled"
    answer = client.post(f"runs/{run.id}/retry")
    assert answer.status_code == 202
    again = client.get(f"runs/{answer.json()['run_id']}").json()
    assert (again["status"], again["inputs"], again["budget_micros"]) == ("queued", {"input": "text"}, 700)


def test_an_estimate_says_what_the_core_says(at: Alice) -> None:
    stage, client = at
    agent = stage.agent()
    shown = client.get(f"custom-agents/{agent.id}/estimate", params={"input": "text"}).json()
    found = stage.core.estimates.of_agent_run(stage.owner, agent.id, "text")
    assert shown == {"cost_micros": found.micros, "most_cost_micros": found.most_micros, "runs": 0}


def test_no_answer_has_a_secret(at: Alice) -> None:
    stage, client = at
    run = stage.run()
    for part in ("", "/events", "/model-calls"):
        assert SECRET not in client.get(f"runs/{run.id}{part}").text
    assert SECRET not in client.get("runs").text
