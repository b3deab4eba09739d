"""Workflows: listed, searched, made, shared to look at; the list editor and the form of a node."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from app import navigation, state
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key
from core.sharing.models import Grantee
from core.workflows.difference import UNSEEN
from core.workflows.models import Draft
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def workflow(page_core: Core, alice: User, agent: Agent) -> Draft:
    """Alice's: a ticket is classified, and the answer is given."""
    graph = {
        "nodes": [
            {"id": "start", "kind": "input", "label": "Ticket", "fields": [{"name": "ticket", "type": "text"}]},
            {"id": "sort", "kind": "agent", "label": "Sort", "agent_id": agent.id, "task": "Sort {{ticket}}."},
            {"id": "end", "kind": "output", "label": "Answer", "name": "answer", "value": "{{sort}}"},
        ],
        "edges": [{"source": "start", "target": "sort"}, {"source": "sort", "target": "end"}],
    }
    return page_core.workflows.create(alice, "Tickets", "support", "Sorts tickets.", graph)


def share(core: Core, owner: User, workflow: Draft, with_whom: User, level: Any) -> None:
    core.sharing.grant(owner, "workflow", workflow.id, Grantee("person", with_whom.id), level)


def listed(visit: Visitor, user: User, workflow: Draft) -> Visit:
    """Open the list editor of a workflow."""
    page = visit(user).open(navigation.WORKFLOW, id=workflow.id, view="Edit")
    return page.fill(workflow_editor="List").rerun()


# --- the list -----------------------------------------------------------------------------------


def test_without_workflows_alice_makes_her_first(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.WORKFLOWS)
    assert "No workflows yet" in [subheader.value for subheader in page.app.subheader]
    page.press("workflows_first").fill(workflows_new_name_empty="Tickets", workflows_new_department_empty="hr")
    page.press_in_dialog("workflows_first", "workflows_new_save")
    (made,) = page_core.workflows.list(alice)
    assert (made.name, made.department) == ("Tickets", "hr")
    assert (page.title, page.app.query_params["id"]) == ("Tickets", made.id)


def test_alice_searches_her_workflows(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page_core.workflows.create(alice, "Letters", "hr")
    page = visit(alice).open(navigation.WORKFLOWS)
    assert {"**Tickets**", "**Letters**"} <= set(page.links)
    for field, wanted, shown in (
        ("workflows_search", "sorts", "**Tickets**"),
        ("workflows_department", "hr", "**Letters**"),
    ):
        page = visit(alice).open(navigation.WORKFLOWS).fill(**{field: wanted}).rerun()
        assert [link for link in page.links if link.startswith("**")] == [shown]
    page.fill(workflows_search="nothing like it").rerun()
    assert "No workflow matches your search." in page.captions


def test_archived_workflows_are_listed_apart(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page_core.workflows.archive(alice, workflow.id)
    page = visit(alice).open(navigation.WORKFLOWS)
    assert "**Tickets**" not in page.links
    page.fill(workflows_archived=True).rerun()
    assert "**Tickets**" in page.links
    assert "Archived" in page.text


def test_a_stranger_sees_nothing_of_a_workflow(visit: Visitor, charlie: User, workflow: Draft) -> None:
    assert "Tickets" not in visit(charlie).open(navigation.WORKFLOWS).text
    page = visit(charlie).open(navigation.WORKFLOW, id=workflow.id)
    assert page.errors == ["This workflow does not exist, or it is not yours."]


def test_who_may_only_look_gets_no_way_to_change(
    visit: Visitor, page_core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    share(page_core, alice, workflow, charlie, "run")
    page = visit(charlie).open(navigation.WORKFLOW, id=workflow.id, view="Edit")
    assert "You can look at this workflow, and not change it." in page.text
    assert not {"Publish", "Add a node", "Share"} & set(page.buttons)
    page.fill(**{f"workflow_looked_at_{workflow.id}_0": "sort"}).rerun()
    assert "Sort {{ticket}}." in page.text
    assert UNSEEN in page.text  # the agent's name: it is not shared with him
    assert "agent_" not in "".join(text.value for text in page.app.text)


# --- the list editor ----------------------------------------------------------------------------


def test_the_list_shows_the_nodes_in_the_order_in_which_they_run(
    visit: Visitor, alice: User, workflow: Draft
) -> None:
    page = listed(visit, alice, workflow)
    titles = [text.value for text in page.app.markdown if text.value[:1].isdigit()]
    assert [title.split("**")[1] for title in titles] == ["Ticket", "Sort", "Answer"]
    assert "→ Sort" in page.captions


def test_alice_adds_a_node_between_two_others(
    visit: Visitor, page_core: Core, alice: User, workflow: Draft
) -> None:
    page = listed(visit, alice, workflow).press("list_add")
    page.fill(list_add_kind="template").press("list_add").fill(list_add_after="sort")
    page.press("list_add").press_in_dialog("list_add", "list_add_yes")
    graph = page_core.workflows.get(alice, workflow.id).graph
    assert {"source": "sort", "target": "template_1"} in graph["edges"]
    assert {"source": "template_1", "target": "end"} in graph["edges"]
    assert {"source": "sort", "target": "end"} not in graph["edges"]
    assert page.app.session_state[state.DESK].drawer == "template_1"


def test_a_step_is_taken_back_and_again(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page.fill(node_sort_label="Classify").press("node_sort_save")
    node = page_core.workflows.get(alice, workflow.id).graph["nodes"][1]
    assert node["label"] == "Classify"
    page.press("list_undo")
    assert page_core.workflows.get(alice, workflow.id).graph == workflow.graph
    page.press("list_redo")
    assert page_core.workflows.get(alice, workflow.id).graph["nodes"][1] == node


def test_an_agents_form_saves_what_is_typed(
    visit: Visitor, page_core: Core, alice: User, agent: Agent, workflow: Draft
) -> None:
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page.fill(node_sort_task="Sort {{ticket}} well.", node_sort_id="sorted").press("node_sort_save")
    assert page.errors == []
    nodes = page_core.workflows.get(alice, workflow.id).graph["nodes"]
    assert nodes[1] == {
        "id": "sorted",
        "kind": "agent",
        "label": "Sort",
        "agent_id": agent.id,
        "task": "Sort {{ticket}} well.",
        "answer": "text",
    }
    assert nodes[2]["value"] == "{{sorted}}"


def test_what_happens_when_a_node_fails_is_saved(
    visit: Visitor, page_core: Core, alice: User, workflow: Draft
) -> None:
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page.fill(node_sort_attempts=2, node_sort_timeout=90, node_sort_on_error="default").rerun()
    page.fill(node_sort_default="nobody").press("node_sort_save")
    node = page_core.workflows.get(alice, workflow.id).graph["nodes"][1]
    assert (node["attempts"], node["timeout_seconds"]) == (2, 90)
    assert (node["on_error"], node["default"]) == ("default", "nobody")


def test_a_problem_is_said_at_its_field(visit: Visitor, alice: User, workflow: Draft) -> None:
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page.fill(node_sort_task="Sort {{nobody}}.").rerun()
    assert any("nothing is called nobody" in caption for caption in page.captions)


def test_a_draft_that_cannot_run_is_saved_and_not_published(
    visit: Visitor, page_core: Core, alice: User, workflow: Draft
) -> None:
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page.fill(node_sort_agent_id=None).press("node_sort_save")
    assert "agent_id" not in page_core.workflows.get(alice, workflow.id).graph["nodes"][1]
    page.press("workflow_publish").press_in_dialog("workflow_publish", "workflow_publish_yes")
    assert page.errors == ["This workflow cannot run yet:"]
    assert page_core.workflows.get(alice, workflow.id).published_version is None


def test_alice_publishes_with_a_note(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page = listed(visit, alice, workflow).press("workflow_publish").fill(workflow_publish_note="First one")
    page.press_in_dialog("workflow_publish", "workflow_publish_yes")
    (version,) = page_core.workflows.versions(alice, workflow.id)
    assert (version.number, version.note) == (1, "First one")
    assert page.toasts == ["Version 1 was published."]


# --- samples and files --------------------------------------------------------------------------


def test_alice_begins_with_a_sample(visit: Visitor, page_core: Core, alice: User, key: Key) -> None:
    page = visit(alice).open(navigation.WORKFLOWS).press("workflows_first")
    sample = "1_invoice_approval"
    page.fill(workflows_new_start=sample).press("workflows_first")
    page.press_in_dialog("workflows_first", f"workflows_new_{sample}_save")
    (made,) = page_core.workflows.list(alice)
    assert (made.name, made.department, page.title) == ("Invoice approval", "finance", "Invoice approval")
    assert {agent.definition.name for agent in page_core.agents.list(alice)} == {"Invoice clerk", "Letter writer"}
    assert {agent.definition.model for agent in page_core.agents.list(alice)} == {"fake-1"}
    draft = page_core.workflows.get(alice, made.id)
    assert page_core.workflows.problems(alice, draft.graph, made.id) == ()


def test_a_sample_without_a_key_leads_to_the_keys(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.WORKFLOWS).press("workflows_first")
    page.fill(workflows_new_start="2_ticket_triage").press("workflows_first")
    assert "Add a key" in page.links
    page.press_in_dialog("workflows_first", "workflows_new_2_ticket_triage_save")
    assert page.errors == ["Choose a key for sorter, or an agent in its place."]
    assert page_core.workflows.list(alice) == []


def test_what_was_exported_is_imported_again(
    visit: Visitor, page_core: Core, alice: User, agent: Agent, workflow: Draft
) -> None:
    page = settings(visit, alice, workflow)
    assert "Download" in [button.label for button in page.app.get("download_button")]
    exported = page_core.interchange.export(alice, workflow.id, "yaml")
    page = visit(alice).open(navigation.WORKFLOWS).press("workflows_import")
    page.app.get_by_key("workflows_import_file").set_value([(exported.name, exported.content, "text/yaml")])
    page.press("workflows_import")
    save = next(button.key for button in page.app.button if str(button.key).startswith("workflows_import_1_"))
    page.press_in_dialog("workflows_import", str(save))
    again = next(one for one in page_core.workflows.list(alice) if one.id != workflow.id)
    assert page_core.workflows.get(alice, again.id).graph == workflow.graph


# --- running ------------------------------------------------------------------------------------


def running(visit: Visitor, user: User, workflow: Draft) -> Visit:
    return visit(user).open(navigation.WORKFLOW, id=workflow.id, view="Run")


def test_alice_runs_what_is_published(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page_core.workflows.publish(alice, workflow.id)
    page = visit(alice).open(navigation.WORKFLOWS).press(f"workflows_run_{workflow.id}")
    assert any(caption.startswith("First calls: up to") for caption in page.captions)
    page.fill(workflow_input_ticket="I was charged twice.", workflow_limit="0.50").press("workflow_run")
    (run,) = page_core.runs.list(alice)
    assert (run.inputs, run.workflow_id, run.is_test) == ({"ticket": "I was charged twice."}, workflow.id, False)
    assert page_core.runs.get(alice, run.id).budget_micros == 500_000
    assert page.app.query_params == {"id": run.id}
    runs = visit(alice).open(navigation.WORKFLOW, id=workflow.id, view="Runs")
    assert "Tickets" in runs.links


def test_what_is_missing_is_said_and_starts_nothing(
    visit: Visitor, page_core: Core, alice: User, workflow: Draft
) -> None:
    page_core.workflows.publish(alice, workflow.id)
    page = running(visit, alice, workflow).press("workflow_run")
    assert page.errors == ["ticket is missing. Enter it."]
    assert page_core.runs.list(alice) == []


def test_a_draft_runs_as_a_test(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page = running(visit, alice, workflow).fill(workflow_input_ticket="Help.").press("workflow_run")
    assert page.errors == []
    (run,) = page_core.runs.list(alice)
    assert run.is_test


def test_each_type_has_its_field(visit: Visitor, page_core: Core, alice: User) -> None:
    types = ("text", "number", "boolean", "date", "list", "object")
    fields = [{"name": name, "type": name, "is_required": False} for name in types]
    graph = {
        "nodes": [
            {"id": "start", "kind": "input", "fields": fields},
            {"id": "end", "kind": "output", "name": "answer", "value": "{{text}}"},
        ],
        "edges": [{"source": "start", "target": "end"}],
    }
    made = page_core.workflows.create(alice, "Types", "hr", "", graph)
    page_core.workflows.publish(alice, made.id)
    page = running(visit, alice, made)
    page.fill(
        workflow_input_text="words",
        workflow_input_number="5,000",
        workflow_input_boolean=True,
        workflow_input_date=date(2026, 11, 30),
        workflow_input_list="one\n\ntwo",
        workflow_input_object='{"a": 1}',
    ).press("workflow_run")
    assert page.errors == []
    assert page_core.runs.list(alice)[0].inputs == {
        "text": "words",
        "number": 5000,
        "boolean": True,
        "date": "2026-11-30",
        "list": ["one", "two"],
        "object": {"a": 1},
    }


def test_who_may_run_runs_the_published_version_only(
    visit: Visitor, page_core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    share(page_core, alice, workflow, charlie, "run")
    page = running(visit, charlie, workflow)
    assert "Nothing is published yet, and runs use what is published." in page.text
    changed(page_core, alice, workflow)
    page = running(visit, charlie, workflow)
    assert "Draft, as a test" not in page.text
    assert "workflow_run" in [button.key for button in page.app.button]


# --- versions and settings ------------------------------------------------------------------------


def changed(core: Core, alice: User, workflow: Draft) -> Draft:
    """Publish it, and change its draft."""
    core.workflows.publish(alice, workflow.id, "First one")
    nodes = [dict(node) for node in workflow.graph["nodes"]]
    nodes[1]["task"] = "Sort {{ticket}} well."
    return core.workflows.save_draft(
        alice, workflow.id, {**workflow.graph, "nodes": nodes}, core.workflows.facts(alice, workflow.id).revision
    )


def test_a_difference_is_told_in_words(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    changed(page_core, alice, workflow)
    page = visit(alice).open(navigation.WORKFLOW, id=workflow.id, view="Versions")
    assert "Has changes" in page.captions
    assert [text.value for text in page.app.text] == ["− Sort {{ticket}}.", "+ Sort {{ticket}} well."]
    page.fill(version_after=1).rerun()
    assert "Both do the same." in page.captions


def test_alice_goes_back_to_an_older_version(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    changed(page_core, alice, workflow)
    page_core.workflows.publish(alice, workflow.id, "Better")
    page = visit(alice).open(navigation.WORKFLOW, id=workflow.id, view="Versions")
    page.press("version_back_1").press_in_dialog("version_back_1", "version_back_yes")
    assert page.toasts == ["Version 3 does what version 1 did."]
    assert page_core.workflows.version(alice, workflow.id, 3).graph == workflow.graph


def test_without_a_version_the_view_leads_to_one(visit: Visitor, alice: User, workflow: Draft) -> None:
    page = visit(alice).open(navigation.WORKFLOW, id=workflow.id, view="Versions").press("workflow_publish_first")
    page.press_in_dialog("workflow_publish_first", "workflow_publish_yes")
    assert page.toasts == ["Version 1 was published."]


def settings(visit: Visitor, user: User, workflow: Draft) -> Visit:
    return visit(user).open(navigation.WORKFLOW, id=workflow.id, view="Settings")


def test_alice_changes_the_facts(visit: Visitor, page_core: Core, alice: User, workflow: Draft) -> None:
    page = settings(visit, alice, workflow)
    page.fill(workflow_name="Post", workflow_department="hr", workflow_description="").press(
        "workflow_settings_save"
    )
    facts = page_core.workflows.facts(alice, workflow.id)
    assert (facts.name, facts.department, facts.description) == ("Post", "hr", "")
    assert page.title == "Post"


def test_alice_duplicates_archives_and_deletes(
    visit: Visitor, page_core: Core, alice: User, workflow: Draft
) -> None:
    page = settings(visit, alice, workflow).press("workflow_duplicate")
    assert page.title == "Copy of Tickets"
    page = settings(visit, alice, workflow).press("workflow_archive")
    page.press_in_dialog("workflow_archive", "workflow_archive_yes")
    assert page_core.workflows.facts(alice, workflow.id).archived_at is not None
    settings(visit, alice, workflow).press("workflow_unarchive")
    assert page_core.workflows.facts(alice, workflow.id).archived_at is None
    page = settings(visit, alice, workflow).press("workflow_delete")
    page.press_in_dialog("workflow_delete", "workflow_delete_yes")
    assert page.title == "Workflows"
    assert [one.name for one in page_core.workflows.list(alice)] == ["Copy of Tickets"]


def test_who_may_only_look_cannot_put_a_workflow_away(
    visit: Visitor, page_core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    share(page_core, alice, workflow, charlie, "view")
    page = settings(visit, charlie, workflow)
    assert not {"Archive", "Delete", "Save changes"} & set(page.buttons)
    assert "Sorts tickets." in page.text


# --- trying a node out --------------------------------------------------------------------------


def test_alice_tries_a_node_with_values_of_the_last_run(
    visit: Visitor, page_core: Core, alice: User, workflow: Draft
) -> None:
    page_core.runs.start_workflow_run(alice, workflow.id, {"ticket": "Charged twice."}, is_test=True)
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page.press("node_sort_trial_last")
    assert page.app.text_area(key="node_sort_trial_value_ticket").value == "Charged twice."
    page.fill(node_sort_task="Sort {{ticket}} now.").press("node_sort_trial_run")
    assert page.errors == []
    run = page_core.runs.list(alice)[0]
    assert (run.title, run.is_test, run.inputs) == ("Test of Sort", True, {"ticket": "Charged twice."})
    assert "Open the run" in page.links
    assert page_core.workflows.get(alice, workflow.id).graph == workflow.graph


# --- two people ---------------------------------------------------------------------------------


def test_the_second_to_save_is_warned_and_loads_what_the_first_saved(
    visit: Visitor, page_core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    share(page_core, alice, workflow, charlie, "edit")
    page = listed(visit, alice, workflow).press("list_edit_sort")
    theirs = {**workflow.graph, "edges": []}
    page_core.workflows.save_draft(charlie, workflow.id, theirs, workflow.revision)
    page.fill(node_sort_label="Mine").press("node_sort_save")
    assert page.app.warning[0].value.startswith("**Charlie saved this workflow just now")
    assert page_core.workflows.get(alice, workflow.id).graph == theirs
    page.press("workflow_load_theirs")
    assert page.app.session_state[state.DESK].document == theirs
    assert not page.app.warning


def test_the_second_to_save_keeps_theirs_as_a_copy(
    visit: Visitor, page_core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    share(page_core, alice, workflow, charlie, "edit")
    page = listed(visit, alice, workflow).press("list_edit_sort")
    page_core.workflows.save_draft(charlie, workflow.id, {**workflow.graph, "edges": []}, workflow.revision)
    page.fill(node_sort_label="Mine").press("node_sort_save").press("workflow_keep_mine")
    assert page.title == "Tickets (mine)"
    copy = page_core.workflows.get(alice, page.app.query_params["id"])
    assert (copy.graph["nodes"][1]["label"], copy.graph["edges"]) == ("Mine", workflow.graph["edges"])


def test_who_has_changed_nothing_just_sees_the_newest(
    visit: Visitor, page_core: Core, alice: User, charlie: User, workflow: Draft
) -> None:
    share(page_core, alice, workflow, charlie, "edit")
    page = listed(visit, alice, workflow)
    page_core.workflows.save_draft(charlie, workflow.id, {"nodes": [], "edges": []}, workflow.revision)
    page.rerun()
    assert page.toasts == ["Charlie has changed this workflow."]
    assert "There is no node yet. Add the first one." in page.captions
