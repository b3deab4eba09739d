"""Workflows leave and come over the API."""

from __future__ import annotations

import base64
import json

import pytest
from starlette.testclient import TestClient

from core.accounts.models import User
from core.bootstrap import Core
from tests.api.caller import Caller
from tests.fakes.model_server import FakeModelServer
from tests.support.stage import Stage


@pytest.fixture
def stage(api_core: Core, fake: FakeModelServer, alice: User) -> Stage:
    return Stage(api_core, fake, alice)


@pytest.fixture
def caller(api_core: Core, client: TestClient, alice: User) -> Caller:
    return Caller(api_core, client, alice)


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("json", "application/json"), ("yaml", "application/yaml"), ("crewai", "application/zip")],
)
def test_a_workflow_is_exported_planned_and_imported(
    stage: Stage, caller: Caller, api_core: Core, alice: User, form: str, media_type: str
) -> None:
    workflow_id = stage.workflow()
    answer = caller.send("GET", f"/workflows/{workflow_id}/export", format=form)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == media_type
    assert (
        answer.headers["content-disposition"] == f'attachment; filename="w.{"zip" if form == "crewai" else form}"'
    )
    file = {"zip": base64.b64encode(answer.content).decode()} if form == "crewai" else {"document": answer.text}
    plan = caller.do(200, "POST", "/workflows/import/plan", file)
    (agent,) = plan["agents"]
    (key,) = plan["keys"]
    assert (plan["name"], agent["role"], agent["model"], key["provider"]) == (
        "W",
        "r",
        "fake-1",
        "openai_compatible",
    )
    assert api_core.agents.get(alice, agent["suggested"])
    before = len(api_core.agents.list(alice))
    chosen = {"agents": [{"name": agent["name"], "id": agent["suggested"]}], "department": "hr"}
    made = caller.do(201, "POST", "/workflows/import", {**file, **chosen, "name": "Again"})
    assert (made["name"], len(api_core.agents.list(alice))) == ("Again", before)
    anew = {"keys": [{"name": key["name"], "id": key["suggested"]}], "department": "hr"}
    made = caller.do(201, "POST", "/workflows/import", {**file, **anew})
    assert len(api_core.agents.list(alice)) == before + 1
    assert caller.get(f"/workflows/{made['id']}") == made


def test_what_cannot_be_imported_is_answered_with_a_sentence(caller: Caller) -> None:
    agents, tasks = "a: {role: r, goal: g}", "t: {description: d, agent: a}"
    project = caller.do(200, "POST", "/workflows/import/plan", {"project": {"agents": agents, "tasks": tasks}})
    assert [(one["name"], one["model"], one["suggested"]) for one in project["agents"]] == [("a", "", None)]
    wrong = [
        ({"document": "a: &x 1"}, "import_refused"),
        ({"document": json.dumps({"zoark": "workflow/9"})}, "import_refused"),
        ({"project": {"agents": agents, "tasks": "[]"}}, "import_refused"),
        ({"zip": base64.b64encode(b"PK\x03\x04x").decode()}, "import_refused"),
        ({"zip": "PK!"}, "invalid"),
        ({}, "invalid"),
        ({"document": "a", "zip": "b"}, "invalid"),
    ]
    for body, code in wrong:
        assert caller.do(422, "POST", "/workflows/import/plan", body)["code"] == code
    sent = {"project": {"agents": agents, "tasks": tasks}, "department": "hr"}
    assert "Choose a key for a" in caller.do(422, "POST", "/workflows/import", sent)["detail"]


def test_what_crewai_has_no_word_for_is_answered_with_a_sentence(stage: Stage, caller: Caller, alice: User) -> None:
    graph = {"nodes": [{"id": "f", "kind": "condition"}], "edges": []}
    made = stage.core.workflows.create(alice, "W", "hr", "", graph)
    answer = caller.do(422, "GET", f"/workflows/{made.id}/export", format="crewai")
    assert (answer["code"], "no word for f" in answer["detail"]) == ("export_refused", True)
