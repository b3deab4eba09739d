"""People draw workflows, save them without losing each other's changes, publish them, and keep them private."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import audit_log, workflows
from core.errors import Conflict, CoreError, Forbidden, GraphInvalid, Invalid, NotFound
from core.keys.models import KeyDraft
from core.sharing.models import EVERYONE, Grantee, Level
from core.workflows.failures import DraftChanged, NotPublished, WorkflowArchived, WorkflowInvalid
from core.workflows.models import BEGINNING, Draft, WorkflowFilter
from tests.conftest import Cast

Document = dict[str, Any]


@pytest.fixture
def bob(cast: Cast) -> User:
    return cast.bob


@pytest.fixture
def agent_id(core: Core, alice: User) -> str:
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "Clerk", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    return core.agents.create(alice, fields).id


@pytest.fixture
def graph(agent_id: str) -> Document:
    return drawn(agent_id, "Answer it.")


@pytest.fixture
def workflow(core: Core, alice: User, graph: Document) -> Draft:
    return core.workflows.create(alice, " Letters ", "hr", "Answers letters.", graph)


def drawn(agent_id: str, task: str) -> Document:
    return {"nodes": [{"id": "a", "kind": "agent", "agent_id": agent_id, "task": task}], "edges": []}


def actions(core: Core, workflow_id: str) -> list[str]:
    with core.db.read() as connection:
        rows = connection.execute(
            select(audit_log.c.action).where(audit_log.c.object_id == workflow_id).order_by(audit_log.c.seq)
        )
        return [row.action.removeprefix("workflow.") for row in rows]


def code_of(call: Callable[..., object], *given: object) -> str:
    try:
        call(*given)
    except CoreError as error:
        return error.code
    return "ok"


# --- making and finding ---------------------------------------------------------------------------


def test_alice_finds_the_workflow_she_made(core: Core, alice: User, workflow: Draft, graph: Document) -> None:
    assert core.workflows.get(alice, workflow.id) == workflow
    assert (workflow.name, workflow.revision, workflow.published_version) == ("Letters", 1, None)
    assert (workflow.draft_by_name, workflow.access.is_owner) == ("Alice", True)
    assert workflow.graph == graph
    assert [listed.id for listed in core.workflows.list(alice)] == [workflow.id]
    assert core.workflows.list(alice)[0] == core.workflows.facts(alice, workflow.id)


def test_a_new_workflow_leads_from_an_input_to_an_output(core: Core, alice: User) -> None:
    made = core.workflows.create(alice, "New", "hr")
    assert made.graph == BEGINNING


def test_alice_finds_workflows_by_words_and_department(core: Core, alice: User, workflow: Draft) -> None:
    other = core.workflows.create(alice, "Invoices 100%", "finance")

    def found(**wanted: Any) -> list[str]:
        return [listed.id for listed in core.workflows.list(alice, WorkflowFilter(**wanted))]

    assert found() == [other.id, workflow.id]
    assert found(words="LETTER answers") == [workflow.id]
    assert found(words="0%") == [other.id]
    assert found(words="_") == []
    assert found(department="finance") == [other.id]
    assert found(is_archived=True) == []


WRONG: list[tuple[Document, str]] = [
    ({"name": " "}, "name"),
    ({"name": "n" * 81}, "name"),
    ({"department": "board"}, "department"),
    ({"description": "d" * 4001}, "description"),
]


def test_alice_filling_in_a_wrong_field_reads_which_one(core: Core, alice: User, workflow: Draft) -> None:
    for change, field in WRONG:
        with pytest.raises(Invalid) as caught:
            core.workflows.create(alice, **{"name": "N", "department": "hr", **change})
        assert caught.value.field == field
        with pytest.raises(Invalid) as caught:
            core.workflows.change(alice, workflow.id, **change)
        assert caught.value.field == field
    assert core.workflows.facts(alice, workflow.id) == core.workflows.list(alice)[0]
    wrong: list[Any] = [[], {"nodes": 1}, {"nodes": [], "edges": [1]}, {"nodes": [{"id": "__proto__"}]}]
    for graph in wrong:
        with pytest.raises(GraphInvalid):
            core.workflows.create(alice, "N", "hr", graph=graph)


def test_alice_renames_a_workflow_and_leaves_the_rest(core: Core, alice: User, workflow: Draft) -> None:
    changed = core.workflows.change(alice, workflow.id, name="Mail")
    assert (changed.name, changed.description, changed.revision) == ("Mail", "Answers letters.", 1)
    moved = core.workflows.change(alice, workflow.id, description="", department="sales")
    assert (moved.name, moved.description, moved.department) == ("Mail", "", "sales")
    core.workflows.change(alice, workflow.id, name="Mail")
    assert actions(core, workflow.id) == ["created", "changed", "changed"]


# --- drafts -----------------------------------------------------------------------------------------


def test_alice_saves_a_draft_that_is_still_wrong(core: Core, alice: User, workflow: Draft) -> None:
    saved = core.workflows.save_draft(alice, workflow.id, drawn("", ""), 1)
    assert (saved.revision, saved.graph["nodes"][0]["agent_id"]) == (2, "")
    assert saved.draft_at > workflow.draft_at


def test_saving_the_same_again_changes_nothing(core: Core, alice: User, workflow: Draft, graph: Document) -> None:
    assert core.workflows.save_draft(alice, workflow.id, graph, 1) == workflow


def test_bob_saving_an_old_draft_is_told_who_was_faster(
    core: Core, alice: User, bob: User, workflow: Draft, agent_id: str
) -> None:
    core.sharing.grant(alice, "workflow", workflow.id, Grantee("person", bob.id), "edit")
    saved = core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "first"), 1)
    his = drawn(agent_id, "second")
    with pytest.raises(DraftChanged, match="Alice has saved this workflow") as caught:
        core.workflows.save_draft(bob, workflow.id, his, 1)
    assert (caught.value.by_name, caught.value.at, caught.value.revision) == ("Alice", saved.draft_at, 2)
    assert core.workflows.get(alice, workflow.id).graph["nodes"][0]["task"] == "first"
    copy = core.workflows.duplicate(bob, workflow.id, graph=his)
    assert (copy.name, copy.owner_id, copy.graph) == ("Copy of Letters", bob.id, his)
    assert core.workflows.save_draft(bob, workflow.id, his, 2).draft_by_name == "Bob"


def test_of_drafts_saved_at_once_exactly_one_is_kept(
    core: Core, alice: User, workflow: Draft, agent_id: str
) -> None:
    def save(number: int) -> str:
        return code_of(core.workflows.save_draft, alice, workflow.id, drawn(agent_id, f"task {number}"), 1)

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(save, range(6)))
    assert sorted(outcomes) == ["conflict"] * 5 + ["ok"]
    assert core.workflows.get(alice, workflow.id).revision == 2


def test_the_audit_log_hears_of_the_beginning_of_editing_only(
    core: Core, alice: User, bob: User, workflow: Draft, agent_id: str
) -> None:
    core.sharing.grant(alice, "workflow", workflow.id, EVERYONE, "edit")
    for number in range(1, 4):
        core.workflows.save_draft(alice, workflow.id, drawn(agent_id, f"{number}"), number)
    assert actions(core, workflow.id) == ["created", "shared"]
    for number in range(4, 7):
        core.workflows.save_draft(bob, workflow.id, drawn(agent_id, f"{number}"), number)
    assert actions(core, workflow.id) == ["created", "shared", "edited"]
    with core.db.transaction() as connection:
        connection.execute(update(workflows).values(draft_at=clock.now() - timedelta(minutes=11)))
    core.workflows.save_draft(bob, workflow.id, drawn(agent_id, "later"), 7)
    assert actions(core, workflow.id) == ["created", "shared", "edited", "edited"]


# --- versions ---------------------------------------------------------------------------------------


def test_alice_publishes_what_she_drew(core: Core, alice: User, workflow: Draft, graph: Document) -> None:
    version = core.workflows.publish(alice, workflow.id, " First\nversion ", 1)
    assert (version.number, version.note, version.graph) == (1, "First version", graph)
    assert (version.created_by_name, version.created_by) == ("Alice", alice.id)
    now = core.workflows.get(alice, workflow.id)
    assert (now.published_version, now.is_published, now.revision) == (1, True, 1)
    assert [facts.number for facts in core.workflows.versions(alice, workflow.id)] == [1]
    assert core.workflows.version(alice, workflow.id, 1) == version


def test_alice_publishes_only_what_has_changed_and_what_she_saw(
    core: Core, alice: User, workflow: Draft, agent_id: str
) -> None:
    core.workflows.publish(alice, workflow.id)
    with pytest.raises(Conflict, match="Nothing has changed since version 1"):
        core.workflows.publish(alice, workflow.id)
    core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "other"), 1)
    with pytest.raises(DraftChanged):
        core.workflows.publish(alice, workflow.id, "", 1)
    with pytest.raises(Invalid, match="note"):
        core.workflows.publish(alice, workflow.id, "n" * 201, 2)
    assert core.workflows.publish(alice, workflow.id, "", 2).number == 2


def test_a_version_stays_as_it_was(
    core: Core, alice: User, workflow: Draft, graph: Document, agent_id: str
) -> None:
    core.workflows.publish(alice, workflow.id)
    core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "other"), 1)
    assert core.workflows.version(alice, workflow.id, 1).graph == graph
    assert core.workflows.to_run(alice, workflow.id).graph == graph
    assert not core.workflows.get(alice, workflow.id).is_published


def test_alice_rolls_back_and_the_editor_shows_what_runs(
    core: Core, alice: User, workflow: Draft, graph: Document, agent_id: str
) -> None:
    core.workflows.publish(alice, workflow.id)
    core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "worse"), 1)
    core.workflows.publish(alice, workflow.id)
    with pytest.raises(Conflict, match="Version 2 is the one that runs"):
        core.workflows.roll_back(alice, workflow.id, 2)
    back = core.workflows.roll_back(alice, workflow.id, 1)
    assert (back.number, back.graph, back.note) == (3, graph, "Back to version 1")
    now = core.workflows.get(alice, workflow.id)
    assert (now.graph, now.revision, now.is_published) == (graph, 3, True)
    assert [facts.number for facts in core.workflows.versions(alice, workflow.id)] == [3, 2, 1]
    assert [facts.number for facts in core.workflows.versions(alice, workflow.id, before=3, limit=1)] == [2]
    assert actions(core, workflow.id)[-1] == "rolled_back"


def test_rolling_back_leaves_a_draft_with_changes_of_its_own(
    core: Core, alice: User, workflow: Draft, graph: Document, agent_id: str
) -> None:
    core.workflows.publish(alice, workflow.id)
    core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "second"), 1)
    core.workflows.publish(alice, workflow.id)
    mine = core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "going on"), 2)
    core.workflows.roll_back(alice, workflow.id, 1)
    now = core.workflows.get(alice, workflow.id)
    assert (now.graph, now.revision, now.is_published) == (mine.graph, 3, False)
    assert core.workflows.to_run(alice, workflow.id).graph == graph


def test_of_publishers_at_once_each_has_a_number_of_its_own(
    core: Core, alice: User, workflow: Draft, agent_id: str
) -> None:
    core.workflows.publish(alice, workflow.id)
    core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "second"), 1)
    core.workflows.publish(alice, workflow.id)
    core.workflows.save_draft(alice, workflow.id, drawn(agent_id, "third"), 2)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: code_of(core.workflows.roll_back, alice, workflow.id, 1), range(4)))
    numbers = [facts.number for facts in core.workflows.versions(alice, workflow.id)]
    assert numbers == list(range(len(numbers), 0, -1))


def test_the_difference_of_versions_names_what_the_reader_may_see(
    core: Core, alice: User, bob: User, workflow: Draft, agent_id: str
) -> None:
    core.workflows.publish(alice, workflow.id)
    other = core.agents.create(alice, {**core.agents.get(alice, agent_id).definition.model_dump(), "name": "Other"})
    core.workflows.save_draft(alice, workflow.id, drawn(other.id, "Answer it."), 1)
    (node,) = core.workflows.difference(alice, workflow.id, 1).nodes
    assert (node.fields[0].before, node.fields[0].after) == ("Clerk", "Other")
    core.sharing.grant(alice, "workflow", workflow.id, EVERYONE, "view")
    (node,) = core.workflows.difference(bob, workflow.id, 1).nodes
    assert "Clerk" not in (node.fields[0].before, node.fields[0].after)
    assert core.workflows.difference(alice, workflow.id, 1, 1).is_empty
    with pytest.raises(NotFound, match="version"):
        core.workflows.difference(alice, workflow.id, 2)


# --- what is wrong ----------------------------------------------------------------------------------


def test_what_cannot_run_is_not_published(core: Core, alice: User, workflow: Draft, agent_id: str) -> None:
    wrong: list[Document] = [
        {"nodes": [], "edges": []},
        {"nodes": [{"id": "a", "kind": "teleport"}], "edges": []},
        drawn("", "x"),
        drawn("agent_made_up", "x"),
        {
            "nodes": [{"id": name, "kind": "agent", "agent_id": agent_id} for name in "ab"],
            "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}],
        },
    ]
    for graph in wrong:
        saved = core.workflows.save_draft(
            alice, workflow.id, graph, core.workflows.get(alice, workflow.id).revision
        )
        found = core.workflows.problems(alice, graph, workflow.id)
        assert found
        with pytest.raises(WorkflowInvalid) as caught:
            core.workflows.publish(alice, workflow.id, "", saved.revision)
        assert caught.value.problems == found
        assert caught.value.sentence.startswith("This workflow cannot run: ")


def test_bob_reads_which_agent_he_may_not_use(
    core: Core, alice: User, bob: User, workflow: Draft, graph: Document, agent_id: str
) -> None:
    assert core.workflows.problems(alice, graph) == ()
    (problem,) = core.workflows.problems(bob, graph)
    assert (problem.code, problem.node_id, problem.field) == ("agent_not_usable", "a", "agent_id")
    assert problem.sentence == "a: This agent does not exist, or it is not yours."
    core.sharing.grant(alice, "agent", agent_id, EVERYONE, "run")
    (problem,) = core.workflows.problems(bob, graph)
    assert "on a key of Alice" in problem.sentence


# --- putting away -----------------------------------------------------------------------------------


def test_an_archived_workflow_neither_runs_nor_changes_until_it_is_brought_back(
    core: Core, alice: User, workflow: Draft, graph: Document
) -> None:
    told: list[str] = []
    core.workflows.on_retired(lambda _connection, _actor, workflow_id: told.append(workflow_id))
    core.workflows.publish(alice, workflow.id)
    archived = core.workflows.archive(alice, workflow.id)
    assert archived.archived_at is not None
    assert told == [workflow.id]
    assert core.workflows.list(alice) == []
    assert [w.id for w in core.workflows.list(alice, WorkflowFilter(is_archived=True))] == [workflow.id]
    refused: list[Callable[[], object]] = [
        lambda: core.workflows.to_run(alice, workflow.id),
        lambda: core.workflows.to_test(alice, workflow.id),
        lambda: core.workflows.save_draft(alice, workflow.id, graph, 1),
        lambda: core.workflows.change(alice, workflow.id, name="Other"),
        lambda: core.workflows.publish(alice, workflow.id),
        lambda: core.workflows.roll_back(alice, workflow.id, 1),
    ]
    for call in refused:
        with pytest.raises(WorkflowArchived):
            call()
    core.workflows.archive(alice, workflow.id)
    assert core.workflows.unarchive(alice, workflow.id).archived_at is None
    assert core.workflows.to_run(alice, workflow.id).version == 1
    assert actions(core, workflow.id) == ["created", "published", "archived", "unarchived"]


def test_alice_deletes_a_workflow(core: Core, alice: User, workflow: Draft) -> None:
    told: list[str] = []
    core.workflows.on_retired(lambda _connection, _actor, workflow_id: told.append(workflow_id))
    core.sharing.grant(alice, "workflow", workflow.id, EVERYONE, "edit")
    core.workflows.delete(alice, workflow.id)
    assert told == [workflow.id]
    assert core.workflows.list(alice) == []
    for reach in (core.workflows.get, core.workflows.facts, core.workflows.delete, core.workflows.to_run):
        with pytest.raises(NotFound):
            reach(alice, workflow.id)


def test_what_was_never_published_does_not_run(core: Core, alice: User, workflow: Draft, graph: Document) -> None:
    with pytest.raises(NotPublished):
        core.workflows.to_run(alice, workflow.id)
    assert core.workflows.to_test(alice, workflow.id).graph == graph
    core.workflows.publish(alice, workflow.id)
    for number in (0, -1, 2, 2**63):
        with pytest.raises(NotFound, match="version"):
            core.workflows.to_run(alice, workflow.id, number)


# --- strangers and colleagues -------------------------------------------------------------------------


def test_charlie_cannot_reach_alices_workflow_in_any_way(
    core: Core, cast: Cast, workflow: Draft, graph: Document
) -> None:
    core.workflows.publish(cast.alice, workflow.id)
    before = core.workflows.get(cast.alice, workflow.id)
    reaches: list[Callable[[str], object]] = [
        lambda workflow_id: core.workflows.get(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.facts(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.save_draft(cast.charlie, workflow_id, graph, 1),
        lambda workflow_id: core.workflows.change(cast.charlie, workflow_id, name="His"),
        lambda workflow_id: core.workflows.publish(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.versions(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.version(cast.charlie, workflow_id, 1),
        lambda workflow_id: core.workflows.roll_back(cast.charlie, workflow_id, 1),
        lambda workflow_id: core.workflows.difference(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.duplicate(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.archive(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.unarchive(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.delete(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.to_run(cast.charlie, workflow_id),
        lambda workflow_id: core.workflows.to_test(cast.charlie, workflow_id),
        lambda workflow_id: core.sharing.list(cast.charlie, "workflow", workflow_id),
        lambda workflow_id: core.sharing.grant(cast.charlie, "workflow", workflow_id, EVERYONE, "edit"),
    ]
    for reach in reaches:
        for workflow_id in (workflow.id, "workflow_made_up", "", "a\x00", "\ud800"):
            with pytest.raises(NotFound, match="This workflow does not exist, or it is not yours"):
                reach(workflow_id)
    assert core.workflows.list(cast.charlie) == core.workflows.list(cast.bob) == []
    assert core.workflows.list(cast.charlie, WorkflowFilter(is_archived=True)) == []
    assert core.workflows.get(cast.alice, workflow.id) == before


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        ("view", {"get", "versions", "duplicate"}),
        ("run", {"get", "versions", "duplicate", "to_run"}),
        ("edit", {"get", "versions", "duplicate", "to_run", "to_test", "change", "archive", "unarchive"}),
    ],
)
def test_bob_may_do_with_alices_workflow_what_the_level_says(
    core: Core, alice: User, bob: User, workflow: Draft, level: Level, allowed: set[str]
) -> None:
    core.workflows.publish(alice, workflow.id)
    core.sharing.grant(alice, "workflow", workflow.id, Grantee("person", bob.id), level)
    assert [listed.access.level for listed in core.workflows.list(bob)] == [level]
    names = ("get", "versions", "duplicate", "to_run", "to_test", "change", "archive", "unarchive", "delete")
    tried = {name: code_of(getattr(core.workflows, name), bob, workflow.id) for name in names}
    assert tried == {name: "ok" if name in allowed else "forbidden" for name in names}


def test_a_viewer_looks_at_what_everybody_may_edit(core: Core, alice: User, bob: User, workflow: Draft) -> None:
    core.sharing.grant(alice, "workflow", workflow.id, EVERYONE, "edit")
    viewer = replace(bob, role="viewer")
    assert core.workflows.get(viewer, workflow.id).graph == workflow.graph
    for call in (core.workflows.change, core.workflows.duplicate, core.workflows.to_test, core.workflows.archive):
        with pytest.raises(Forbidden):
            call(viewer, workflow.id)
    with pytest.raises(Forbidden):
        core.workflows.create(viewer, "His", "hr")
