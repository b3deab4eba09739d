"""Workflows leave as files and come back, under the rights of whoever does it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Forbidden, Invalid, NotFound
from core.keys.models import Key, KeyDraft
from core.sharing.models import EVERYONE
from core.workflows.failures import ImportRefused
from core.workflows.interchange.models import Choices, Format
from core.workflows.models import Draft
from tests.conftest import Cast


@pytest.fixture
def bob(cast: Cast) -> User:
    return cast.bob


def key_of(core: Core, user: User) -> Key:
    return core.keys.add(user, KeyDraft(clock.new_id("name"), "openai", "zk-Secret-0123456789"))


@pytest.fixture
def workflow(core: Core, alice: User) -> Draft:
    """Two agents on one key, an inline one on another, a sub-workflow, and an approval by a person."""
    key = key_of(core, alice)
    fields: dict[str, Any] = {"department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    clerk = core.agents.create(alice, {"name": "Clerk", "tools": ["calculator"], **fields}).id
    boss = core.agents.create(alice, {"name": "Boss", **fields}).id
    other = core.workflows.create(alice, "Letters", "hr")
    own = {"role": "r", "goal": "g", "key_id": key_of(core, alice).id, "model": "gpt-4o"}
    nodes = [
        {"id": "a", "kind": "agent", "agent_id": clerk, "task": "Begin."},
        {
            "id": "b",
            "kind": "crew",
            "process": "hierarchical",
            "manager_id": boss,
            "agent_ids": [clerk],
            "task": "t",
        },
        {"id": "c", "kind": "agent", "is_inline": True, "agent": own, "task": "{{a}}"},
        {"id": "d", "kind": "workflow", "workflow_id": other.id, "inputs": {"text": "{{c}}"}},
        {"id": "e", "kind": "approval", "title": "Well?", "approver": {"kind": "person", "id": alice.id}},
    ]
    edges = [{"source": s, "target": t} for s, t in ("ab", "ac", "cd", "de")]
    return core.workflows.create(alice, "Month end", "finance", "Closes it.", {"nodes": nodes, "edges": edges})


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_alice_gets_the_same_file_of_what_she_imported_anew(
    core: Core, alice: User, workflow: Draft, form: Format
) -> None:
    first = core.interchange.export(alice, workflow.id, form)
    assert first.name == f"month-end.{form}"
    ids = [
        alice.id,
        *(one.id for one in [*core.agents.list(alice), *core.keys.list(alice), *core.workflows.list(alice)]),
    ]
    assert [thing for thing in ids if thing.encode() in first.content] == []
    plan = core.interchange.plan_import(alice, first.content)
    assert plan.department == "finance"
    assert list(plan.keys) == ["key_1", "key_2"]
    assert set(plan.agents) == {"clerk", "boss"}
    keys = {"key_1": key_of(core, alice).id, "key_2": key_of(core, alice).id}
    others = core.workflows.list(alice)
    letters = next(one.id for one in others if one.name == "Letters")
    choices = Choices(keys=keys, workflows={"letters": letters}, people={"person_1": alice.id})
    made = core.interchange.apply_import(alice, plan, choices)
    assert made.id != workflow.id
    assert core.interchange.export(alice, made.id, form).content == first.content
    (clerk,) = [one for one in core.agents.list(alice) if one.definition.key_id == keys["key_1"]
                and one.definition.name == "Clerk"]  # fmt: skip
    assert made.graph["nodes"][0]["agent_id"] == clerk.id
    assert clerk.definition.tools == ("calculator",)
    assert made.graph["nodes"][2]["agent"]["key_id"] == keys["key_2"]


def test_alice_imports_with_the_agents_that_she_has(core: Core, alice: User, workflow: Draft) -> None:
    plan = core.interchange.plan_import(alice, core.interchange.export(alice, workflow.id, "json").content)
    chosen = {name: agent for name, agent in plan.agents.items() if agent}
    assert set(chosen) == {"clerk", "boss"}
    before = core.agents.list(alice)
    made = core.interchange.apply_import(alice, plan, Choices(name="Copy", department="hr", agents=chosen))
    assert core.agents.list(alice) == before
    assert (made.name, made.department) == ("Copy", "hr")
    assert made.graph["nodes"][:2] == workflow.graph["nodes"][:2]
    # What was not chosen is left empty, for the editor to ask.
    assert made.graph["nodes"][3]["workflow_id"] == ""
    assert made.graph["nodes"][4]["approver"] == {"kind": "person", "id": ""}


def test_bob_exports_what_is_shared_with_him_without_agents_that_he_cannot_see(
    core: Core, alice: User, bob: User, workflow: Draft
) -> None:
    core.sharing.grant(alice, "workflow", workflow.id, EVERYONE, "view")
    exported = core.interchange.export(bob, workflow.id, "json")
    data = json.loads(exported.content)
    assert data["agents"] == {"agent": None, "agent_2": None}
    assert data["workflows"] == {"workflow": {"name": ""}}
    plan = core.interchange.plan_import(bob, exported.content)
    assert plan.agents == {"agent": None, "agent_2": None}
    made = core.interchange.apply_import(bob, plan, Choices())
    assert made.owner_id == bob.id
    assert made.graph["nodes"][0]["agent_id"] == ""


def test_what_was_not_chosen_is_asked_for_before_anything_is_made(core: Core, alice: User, workflow: Draft) -> None:
    plan = core.interchange.plan_import(alice, core.interchange.export(alice, workflow.id, "json").content)
    before = core.agents.list(alice)
    key = key_of(core, alice)
    clerk = next(one.id for one in before if one.definition.name == "Clerk")
    wrong: list[tuple[Choices, str]] = [
        (Choices(), "keys"),
        (Choices(keys={"nobody": key.id}), "keys"),
        (Choices(agents={"nobody": clerk}), "agents"),
        (Choices(workflows={"nobody": workflow.id}), "workflows"),
        (Choices(keys={"key_1": key.id}, department="board"), "department"),
        (Choices(keys={"key_1": key.id}, name="n" * 81), "name"),
    ]
    for choices, field in wrong:
        with pytest.raises(Invalid) as caught:
            core.interchange.apply_import(alice, plan, choices)
        assert caught.value.field == field
    nobody = replace(plan, department=None)
    with pytest.raises(Invalid) as caught:
        core.interchange.apply_import(alice, nobody, Choices(keys={"key_1": key.id}))
    assert caught.value.field == "department"
    data = json.loads(core.interchange.export(alice, workflow.id, "json").content)
    del data["agents"]["clerk"]["model"]
    plan = core.interchange.plan_import(alice, json.dumps(data).encode())
    assert plan.models == ("clerk",)
    with pytest.raises(Invalid) as caught:
        core.interchange.apply_import(alice, plan, Choices(keys={"key_1": key.id}))
    assert caught.value.field == "models"
    assert core.agents.list(alice) == before
    made = core.interchange.apply_import(alice, plan, Choices(keys={"key_1": key.id}, models={"clerk": "o9"}))
    assert core.agents.get(alice, made.graph["nodes"][0]["agent_id"]).definition.model == "o9"


def test_an_agent_of_a_department_that_is_not_here_comes_to_that_of_the_workflow(
    core: Core, alice: User, workflow: Draft
) -> None:
    data = json.loads(core.interchange.export(alice, workflow.id, "json").content)
    data["agents"]["clerk"]["department"] = data["department"] = "far-away"
    plan = core.interchange.plan_import(alice, json.dumps(data).encode())
    assert plan.department == alice.department
    made = core.interchange.apply_import(
        alice, plan, Choices(department="sales", keys={"key_1": key_of(core, alice).id})
    )
    assert core.agents.get(alice, made.graph["nodes"][0]["agent_id"]).definition.department == "sales"


def test_a_stranger_neither_exports_nor_takes_things_of_others(
    core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    with pytest.raises(NotFound):
        core.interchange.export(charlie, workflow.id, "json")
    plan = core.interchange.plan_import(charlie, core.interchange.export(alice, workflow.id, "json").content)
    assert plan.agents == {"boss": None, "clerk": None}
    assert plan.keys == {"key_1": None, "key_2": None}
    own = key_of(core, charlie).id
    theirs = workflow.graph["nodes"][0]["agent_id"]
    stolen = [
        Choices(keys={"key_1": core.keys.list(alice)[0].id}),
        Choices(keys={"key_1": own}, agents={"clerk": theirs}),
        Choices(keys={"key_1": own}, workflows={"letters": workflow.id}),
    ]
    for choices in stolen:
        with pytest.raises(NotFound):
            core.interchange.apply_import(charlie, plan, choices)
    assert core.agents.list(charlie) == []
    # A raw id in a file leads nowhere, either.
    data = json.loads(core.interchange.export(alice, workflow.id, "json").content)
    data["graph"]["nodes"][0]["agent_id"] = theirs
    with pytest.raises(ImportRefused, match="does not describe"):
        core.interchange.plan_import(charlie, json.dumps(data).encode())


def test_a_viewer_imports_nothing(core: Core, alice: User, workflow: Draft) -> None:
    exported = core.interchange.export(alice, workflow.id, "json")
    viewer = replace(alice, role="viewer")
    with pytest.raises(Forbidden):
        core.interchange.plan_import(viewer, exported.content)
    with pytest.raises(Forbidden):
        core.interchange.apply_import(viewer, core.interchange.plan_import(alice, exported.content), Choices())


def test_an_older_version_goes_out_as_it_was(core: Core, alice: User) -> None:
    key = key_of(core, alice)
    fields = {"name": "A", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    node = {"id": "a", "kind": "agent", "agent_id": core.agents.create(alice, fields).id, "task": "One."}
    made = core.workflows.create(alice, "W", "hr", "", {"nodes": [node], "edges": []})
    core.workflows.publish(alice, made.id)
    core.workflows.save_draft(alice, made.id, {"nodes": [{**node, "task": "Two."}], "edges": []}, 1)
    assert b"One." in core.interchange.export(alice, made.id, "yaml", 1).content
    assert b"Two." in core.interchange.export(alice, made.id, "yaml").content
    with pytest.raises(NotFound):
        core.interchange.export(alice, made.id, "yaml", 2)
