"""Workflows over the API: what is sent and answered against what the core knows."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from core.accounts.models import User
from core.bootstrap import Core
from core.runs.queue import RunQueue
from core.sharing.models import EVERYONE
from core.workflows.models import BEGINNING
from tests.api.caller import Caller
from tests.fakes.model_server import FakeModelServer
from tests.support.stage import Stage
from tests.support.stub_queue import a_worker


@pytest.fixture
def stage(api_core: Core, fake: FakeModelServer, alice: User) -> Stage:
    return Stage(api_core, fake, alice)


@pytest.fixture
def caller(api_core: Core, client: TestClient, alice: User) -> Caller:
    return Caller(api_core, client, alice)


def test_a_workflow_is_made_edited_published_and_rolled_back(stage: Stage, caller: Caller) -> None:
    first, second = stage.drawing(), stage.drawing()
    draft = {"name": "Letters", "department": "hr", "description": "Answers.", "graph": first}
    made = caller.do(201, "POST", "/workflows", draft)
    address = f"/workflows/{made['id']}"
    assert caller.get(address) == made
    assert (made["graph"], made["revision"], made["published_version"]) == (first, 1, None)
    assert (made["draft_by_name"], made["is_owner"], made["is_published"]) == ("Alice", True, False)
    published = caller.do(201, "POST", f"{address}/publish", {"note": "First"})
    assert (published["version"], published["note"], published["graph"]) == (1, "First", first)
    assert caller.do(409, "POST", f"{address}/publish", {})["code"] == "conflict"
    assert caller.do(200, "PUT", f"{address}/draft", {"graph": second})["revision"] == 2
    caller.do(201, "POST", f"{address}/publish", {})
    assert [one["version"] for one in caller.all(f"{address}/versions", limit=1)] == [2, 1]
    assert caller.get(f"{address}/versions/1") == published
    assert caller.do(201, "POST", f"{address}/roll-back", {"version": 1})["version"] == 3
    assert caller.get(address)["graph"] == first
    assert caller.do(404, "GET", f"{address}/versions/4")["code"] == "not_found"


def test_lists_are_filtered_and_leave_out_the_archived(stage: Stage, caller: Caller) -> None:
    made = [caller.do(201, "POST", "/workflows", {"name": name, "department": "hr"})["id"] for name in "abc"]
    assert [one["id"] for one in caller.all("/workflows", limit=2)] == made[::-1]
    assert "graph" not in caller.get("/workflows")["items"][0]
    assert caller.do(200, "POST", f"/workflows/{made[0]}/archive")["archived_at"]
    assert [one["id"] for one in caller.all("/workflows")] == made[:0:-1]
    assert [one["id"] for one in caller.all("/workflows", archived="true")] == made[:1]
    assert [one["id"] for one in caller.all("/workflows", words="B")] == made[1:2]
    assert caller.all("/workflows", department="sales") == []
    answer = caller.do(409, "PUT", f"/workflows/{made[0]}/draft", {"graph": stage.drawing()})
    assert answer["code"] == "workflow_archived"
    assert caller.do(200, "POST", f"/workflows/{made[0]}/unarchive")["archived_at"] is None
    caller.do(204, "DELETE", f"/workflows/{made[0]}")
    assert caller.do(404, "GET", f"/workflows/{made[0]}")["code"] == "not_found"


def test_a_new_workflow_has_a_beginning(caller: Caller) -> None:
    assert caller.do(201, "POST", "/workflows", {"name": "W", "department": "hr"})["graph"] == BEGINNING


def test_who_sends_if_match_overwrites_nobody(stage: Stage, caller: Caller, client: TestClient) -> None:
    made = stage.workflow()
    address = f"/api/v1/workflows/{made}"
    read = client.get(address, headers=caller.headers)
    stage.core.workflows.save_draft(stage.owner, made, stage.drawing(), 1)
    headers = {**caller.headers, "If-Match": read.headers["etag"]}
    refused = client.put(f"{address}/draft", json={"graph": stage.drawing()}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (412, "revision_changed")
    assert client.post(f"{address}/publish", json={}, headers=headers).status_code == 412
    headers["If-Match"] = client.get(address, headers=caller.headers).headers["etag"]
    saved = client.put(f"{address}/draft", json={"graph": stage.drawing()}, headers=headers)
    assert (saved.status_code, saved.headers["etag"]) == (200, '"3"')


def test_a_change_may_bring_another_draft(stage: Stage, caller: Caller) -> None:
    address, graph = f"/workflows/{stage.workflow()}", stage.drawing()
    assert caller.do(200, "PATCH", address, {"name": "Post", "graph": graph})["name"] == "Post"
    shown = caller.get(address)
    assert (shown["graph"], shown["revision"]) == (graph, 2)
    circle = {"nodes": [{"id": "a", "kind": "x", "attempts": "many"}]}
    assert caller.do(422, "PATCH", address, {"name": "Lost", "graph": circle})["code"] == "graph_invalid"
    assert caller.get(address) == shown


def test_an_agent_may_stand_in_its_node_with_the_fields_of_an_agent(stage: Stage, caller: Caller) -> None:
    agent = {"role": "Clerk", "goal": "Answers", "model": "fake-1", "max_output_tokens": 64}
    sent = {"kind": "agent", **agent, "api_key_id": stage.key().id, "task": "Answer {{text}}"}
    kept = {
        "kind": "agent",
        "is_inline": True,
        "agent": {**agent, "key_id": sent["api_key_id"]},
        "task": "Answer {{text}}",
    }
    graph = stage.drawing()
    graph["nodes"][1] = {"id": "a", **sent}
    graph["nodes"][0]["fields"].append({"name": "letters", "type": "list"})
    graph["nodes"].append(
        {"id": "each", "kind": "for_each", "items": "letters", "body": {**sent, "task": "{{item}}"}}
    )
    graph["nodes"].append({"id": "out", "kind": "output"})
    graph["edges"] += [{"source": "a", "target": "each"}, {"source": "each", "target": "out"}]
    made = caller.do(201, "POST", "/workflows", {"name": "W", "department": "hr", "graph": graph})
    assert made["graph"]["nodes"][1] == {"id": "a", **kept}
    assert made["graph"]["nodes"][2]["body"] == {**kept, "task": "{{item}}"}
    # What was read can be sent again, and so can an agent that only waits to be used.
    unused = {
        "id": "a",
        "kind": "agent",
        "is_inline": False,
        "agent_id": "",
        "agent": {"role": "Clerk"},
        "task": "",
    }
    saved = caller.do(201, "POST", "/workflows", {"name": "V", "department": "hr", "graph": {"nodes": [unused]}})
    assert saved["graph"]["nodes"] == [unused]
    assert caller.do(200, "PUT", f"/workflows/{made['id']}/draft", {"graph": made["graph"]})["revision"] == 1
    assert caller.get(f"/workflows/{made['id']}/problems")["items"] == []


def test_what_could_not_run_is_said_node_by_node(stage: Stage, caller: Caller) -> None:
    graph = {"nodes": [{"id": "a", "kind": "agent", "agent_id": "", "task": ""}], "edges": []}
    made = caller.do(201, "POST", "/workflows", {"name": "W", "department": "hr", "graph": graph})
    (problem,) = caller.get(f"/workflows/{made['id']}/problems")["items"]
    assert (problem["code"], problem["node_id"], problem["field"]) == ("setting_missing", "a", "agent_id")
    assert caller.do(200, "POST", "/workflows/problems", {"graph": graph})["items"] == [problem]
    refused = caller.do(422, "POST", f"/workflows/{made['id']}/publish", {})
    assert (refused["code"], refused["errors"][0]["pointer"]) == ("graph_invalid", "/nodes/a/agent_id")
    assert caller.do(200, "POST", "/workflows/problems", {"graph": stage.drawing()})["items"] == []


@pytest.mark.parametrize(
    ("graph", "code"),
    [
        ({"nodes": [{"id": "a b", "kind": "agent"}]}, "invalid"),
        ({"nodes": [{"id": "a"}]}, "invalid"),
        ({"nodes": [{"id": "a", "kind": "agent", "attempts": "many"}]}, "graph_invalid"),
        ({"nodes": [{"id": "constructor", "kind": "agent"}]}, "graph_invalid"),
        ({"nodes": [], "edges": [{"source": "a", "target": "b"}]}, "graph_invalid"),
        ({"nodes": [{"id": f"n{n}", "kind": "agent"} for n in range(201)]}, "invalid"),
        ({"nodes": [{"id": "a", "kind": "agent", "task": "x" * 500_001}]}, "graph_invalid"),
    ],
)
def test_what_is_no_graph_is_refused(caller: Caller, graph: Any, code: str) -> None:
    assert caller.do(422, "POST", "/workflows", {"name": "W", "department": "hr", "graph": graph})["code"] == code


def test_a_long_graph_fits_and_other_bodies_stay_short(caller: Caller, stage: Stage) -> None:
    graph = stage.drawing()
    graph["nodes"][1]["task"] = "\U0001f600" * 400_000
    made = caller.do(201, "POST", "/workflows", {"name": "W", "department": "hr", "graph": graph})
    assert made["graph"] == graph
    assert caller.do(413, "POST", "/custom-agents", {"goal": "x" * 300_000})["code"] == "too_large"


def test_a_colleague_copies_what_they_may_only_look_at(
    stage: Stage, caller: Caller, client: TestClient, charlie: User
) -> None:
    made = stage.workflow()
    caller.do(200, "PUT", f"/workflows/{made}/shares", {"kind": "everyone", "level": "view"})
    his = Caller(stage.core, client, charlie)
    shown = his.get(f"/workflows/{made}")
    assert (shown["access"], shown["is_owner"]) == ("view", False)
    assert his.do(403, "PATCH", f"/workflows/{made}", {"name": "His"})["code"] == "forbidden"
    copy = his.do(201, "POST", f"/workflows/{made}/duplicate", {"name": "His"})
    assert (copy["owner_id"], copy["name"], copy["graph"]) == (charlie.id, "His", shown["graph"])
    assert stage.core.sharing.list(stage.owner, "workflow", made)[0].grantee == EVERYONE


@pytest.mark.parametrize(
    ("path", "status"),
    [("publish", 201), ("estimate", 200), ("execute", 202), ("duplicate", 201), ("archive", 200)],
)
def test_what_needs_nothing_said_needs_no_body(
    stage: Stage, caller: Caller, client: TestClient, path: str, status: int
) -> None:
    workflow_id = stage.published() if path in ("estimate", "execute") else stage.workflow()
    answer = client.post(f"/api/v1/workflows/{workflow_id}/{path}", headers=caller.headers)
    assert answer.status_code == status, answer.text


# --- running --------------------------------------------------------------------------------------


@pytest.fixture
def published(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> str:
    """A workflow that takes a text and a number, with one version; nothing is executed."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)
    graph = stage.drawing()
    graph["nodes"][0]["fields"] = [{"name": "text", "type": "text"}, {"name": "amount", "type": "number"}]
    made = stage.core.workflows.create(stage.owner, "Letters", "hr", graph=graph)
    stage.core.workflows.publish(stage.owner, made.id)
    return made.id


def test_executing_a_workflow_starts_a_run_that_can_be_read(stage: Stage, caller: Caller, published: str) -> None:
    sent = {"inputs": {"text": "Hello", "amount": "5,000"}, "budget_micros": 5000}
    run_id = caller.do(202, "POST", f"/workflows/{published}/execute", sent)["run_id"]
    shown = caller.get(f"/runs/{run_id}")
    assert (shown["workflow_id"], shown["workflow_version"], shown["is_test"]) == (published, 1, False)
    assert (shown["inputs"], shown["budget_micros"]) == ({"text": "Hello", "amount": 5000}, 5000)
    assert (shown["title"], shown["agent_id"], shown["outputs"]) == ("Letters", None, None)
    stage.run()
    assert [run["id"] for run in caller.all("/runs", workflow_id=published)] == [run_id]
    tried = caller.do(202, "POST", f"/workflows/{published}/execute", {**sent, "draft": True})["run_id"]
    assert caller.get(f"/runs/{tried}")["is_test"]


def test_who_waits_for_a_workflow_gets_its_outputs(
    stage: Stage, caller: Caller, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_queue: RunQueue, run_id: str, *_: object) -> None:
        stage.core.journal.begin(run_id)
        stage.core.journal.succeed(run_id, "Dear", {"answer": "Dear", "count": 2})

    monkeypatch.setattr(RunQueue, "enqueue", work)
    a_worker(stage.core, slots=8)
    sent = {"inputs": {"text": "Hello", "amount": 1}}
    shown = caller.do(200, "POST", f"/workflows/{published}/execute", sent, wait=30)
    assert (shown["output"], shown["outputs"]) == ("Dear", {"answer": "Dear", "count": 2})


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "/inputs/text"),
        ({"inputs": {"text": "x", "amount": "much"}}, 422, "/inputs/amount"),
        ({"inputs": {"text": "x", "amount": 1, "other": 1}}, 422, "/inputs/other"),
        ({"inputs": {"text": "x", "amount": 1}, "budget_micros": -1}, 422, "/budget_micros"),
        ({"inputs": {"text": "x", "amount": 1}, "version": 1, "draft": True}, 422, "/version"),
        ({"inputs": {"text": "x", "amount": 1}, "version": 9}, 404, ""),
        ({"input": "x"}, 422, "/input"),
    ],
)
def test_what_a_workflow_cannot_work_on_is_named(
    caller: Caller, published: str, body: Any, status: int, pointer: str
) -> None:
    answer = caller.do(status, "POST", f"/workflows/{published}/execute", body)
    assert [one["pointer"] for one in answer["errors"]] == ([pointer] if pointer else [])


def test_an_estimate_and_a_difference_say_what_the_core_says(stage: Stage, caller: Caller, published: str) -> None:
    found = stage.core.estimates.of_workflow_run(stage.owner, published)
    shown = caller.do(200, "POST", f"/workflows/{published}/estimate", {})
    assert shown == {"cost_micros": found.micros, "most_cost_micros": found.most_micros, "runs": 0}
    graph = dict(stage.core.workflows.get(stage.owner, published).graph)
    graph["nodes"][1]["task"] = "Answer kindly: {{text}}"
    stage.core.workflows.save_draft(stage.owner, published, graph, 1)
    since = caller.get(f"/workflows/{published}/versions/1/difference")
    (node,) = since["nodes"]
    assert (node["change"], node["node_id"], node["fields"][0]["label"]) == ("changed", "a", "Task")
    same = caller.get(f"/workflows/{published}/versions/1/difference", to=1)
    assert same == {"nodes": [], "edges": [], "moved": 0}
    assert caller.do(404, "GET", f"/workflows/{published}/versions/1/difference", to=2)["code"] == "not_found"


# --- going on ---------------------------------------------------------------------------------------


def test_a_run_goes_on_from_its_steps(stage: Stage, caller: Caller, published: str) -> None:
    sent = {"inputs": {"text": "Hello", "amount": 1}}
    run_id = caller.do(202, "POST", f"/workflows/{published}/execute", sent)["run_id"]
    assert caller.do(409, "POST", f"/runs/{run_id}/resume")["code"] == "conflict"
    caller.do(200, "POST", f"/runs/{run_id}/cancel")
    assert caller.get(f"/runs/{run_id}/nodes") == {"items": [], "next": None}
    assert caller.do(202, "POST", f"/runs/{run_id}/resume")["run_id"] == run_id
    assert caller.get(f"/runs/{run_id}")["status"] == "queued"
    caller.do(200, "POST", f"/runs/{run_id}/cancel")
    again = caller.do(202, "POST", f"/runs/{run_id}/nodes/a/run-again")["run_id"]
    assert caller.get(f"/runs/{again}")["origin_run_id"] == run_id
    assert caller.do(404, "POST", f"/runs/{run_id}/nodes/nowhere/run-again")["code"] == "not_found"
    assert caller.do(409, "POST", f"/runs/{again}/nodes/a/doubt", {"happened": True})["code"] == "conflict"


def test_one_node_is_tried_out_with_given_values(stage: Stage, caller: Caller, published: str) -> None:
    address = f"/workflows/{published}/nodes/a/test"
    run_id = caller.do(202, "POST", address, {"values": {"text": "Hello"}})["run_id"]
    shown = caller.get(f"/runs/{run_id}")
    assert (shown["is_test"], shown["workflow_version"]) == (True, None)
    assert caller.do(404, "POST", f"/workflows/{published}/nodes/nowhere/test", {})["code"] == "not_found"
    graph = stage.drawing()
    caller.do(202, "POST", address, {"values": {}, "graph": graph})


def test_a_run_is_shown_to_who_has_its_link_as_long_as_it_is_shared(
    stage: Stage, caller: Caller, client: TestClient, charlie: User, published: str
) -> None:
    sent = {"inputs": {"text": "Hello", "amount": 1}}
    run_id = caller.do(202, "POST", f"/workflows/{published}/execute", sent)["run_id"]
    his = Caller(stage.core, client, charlie)
    his.do(404, "GET", f"/runs/{run_id}")
    assert caller.do(200, "POST", f"/runs/{run_id}/link")["shared_at"]
    assert his.get(f"/runs/{run_id}")["inputs"] == {"text": "Hello", "amount": 1}
    assert his.get(f"/runs/{run_id}/nodes")["items"] == []
    assert his.get("/runs")["items"] == []
    his.do(404, "POST", f"/runs/{run_id}/cancel")
    caller.do(204, "DELETE", f"/runs/{run_id}/link")
    his.do(404, "GET", f"/runs/{run_id}")
