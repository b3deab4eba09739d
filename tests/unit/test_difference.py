"""The difference of two graphs reads like what somebody did to it, in the words of the forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import given

from core.engine.forms import FormField
from core.engine.graph import Graph, Handling
from core.engine.nodes.base import NodeKind
from core.engine.nodes.registry import all_kinds
from core.workflows.difference import (
    UNSEEN,
    Difference,
    EdgeChange,
    FieldChange,
    NodeChange,
    difference,
    settings_of,
)
from tests.support.graphs import KINDS, ForEach, acyclic_graphs, graph_of


class Everything(NodeKind):
    name, label, group = "everything", "Everything", "Data"
    form = (
        FormField("mode", "Mode", "choice", options=(("a", "First"), ("b", "Second"))),
        FormField("is_on", "On", "switch"),
        FormField("fields", "Fields", "fields"),
        FormField("classes", "Answers", "rows", columns=(FormField("name", "Name", "line"),)),
        FormField("agent_ids", "Agents", "agents"),
        FormField("approver", "Who decides", "approver"),
        FormField("arguments", "Arguments", "arguments"),
    )


class Repeated(ForEach):
    form = (FormField("body", "Step", "node", options=(("agent", "Agent"),)),)


ALL: Mapping[str, NodeKind] = {**KINDS, **all_kinds(), "everything": Everything(), "for_each": Repeated()}
AGENT = {"kind": "agent", "label": "Writer", "agent_id": "agent_1", "task": "Write."}


def _of(before: Graph, after: Graph, **names: str) -> Difference:
    return difference(before, after, names, ALL)


def _fields(before: dict[str, Any], after: dict[str, Any], kind: str = "everything", **names: str) -> list[Any]:
    found = _of(graph_of({"a": {"kind": kind, **before}}), graph_of({"a": {"kind": kind, **after}}), **names)
    return [(field.label, field.before, field.after) for node in found.nodes for field in node.fields]


@given(acyclic_graphs())
def test_a_graph_does_not_differ_from_itself(graph: Graph) -> None:
    assert _of(graph, Graph(graph.nodes[::-1], graph.edges[::-1])) == Difference()


def test_nodes_and_edges_that_came_and_went_are_told_by_their_titles() -> None:
    before = graph_of({"f": {"kind": "fork", "label": "Is it much?"}, "a": AGENT}, "f yes > a")
    after = graph_of({"f": {"kind": "fork", "label": "Is it much?"}, "b": {"label": "Ask"}}, "f no > b")
    assert _of(before, after) == Difference(
        (NodeChange("added", "b", "Ask", "Step"), NodeChange("removed", "a", "Writer", "Agent")),
        (EdgeChange("added", "Is it much?", "Ask", "No"), EdgeChange("removed", "Is it much?", "Writer", "Yes")),
    )


def test_a_changed_setting_is_told_by_its_label_before_and_after() -> None:
    after = {**AGENT, "task": "Write well.", "agent_id": "agent_2", "label": "Author"}
    assert _fields(AGENT, after, "agent", agent_1="Ann", agent_2="Bob") == [
        ("Name", "Writer", "Author"),
        ("Agent", "Ann", "Bob"),
        ("Task", "Write.", "Write well."),
    ]


def test_values_are_told_as_people_read_them() -> None:
    before = {
        "mode": "a",
        "is_on": True,
        "fields": [{"name": "amount", "type": "number", "help": "in euros"}],
        "classes": [{"name": "spam", "description": "unwanted"}],
        "agent_ids": ["agent_1", "agent_2"],
        "approver": {"kind": "person", "id": "user_1"},
        "arguments": {"to": "x", "cc": "y"},
        "extra": {"deep": 1},
    }
    after = {
        "mode": "b",
        "is_on": False,
        "fields": [{"name": "amount", "type": "text", "is_required": False}],
        "classes": [],
        "agent_ids": ["agent_2"],
        "approver": {"kind": "department", "id": "finance"},
        "arguments": {"to": "z", "cc": "y"},
        "extra": {"deep": 2},
    }
    assert _fields(before, after, agent_1="Ann", agent_2="Bob", user_1="Carol", finance="Finance") == [
        ("Mode", "First", "Second"),
        ("On", "yes", "no"),
        ("Fields", "amount: number (in euros)", "amount: text, may be empty"),
        ("Answers", "spam · unwanted", ""),
        ("Agents", "Ann, Bob", "Bob"),
        ("Who decides", "person: Carol", "department: Finance"),
        ("Arguments: to", "x", "z"),
        ("extra: deep", "1", "2"),
    ]


def test_a_change_in_the_body_of_a_for_each_is_told_with_its_place() -> None:
    before = {"body": {"kind": "agent", "task": "A"}}
    assert _fields(before, {"body": {"kind": "agent", "task": "B"}}, "for_each") == [("Step: Task", "A", "B")]
    assert _fields(before, {"body": {"kind": "step", "text": "B"}}, "for_each") == [
        ("Step", "Agent", "Step"),
        ("Step: task", "A", ""),
        ("Step: text", "", "B"),
    ]


def test_what_becomes_of_a_failure_is_told() -> None:
    before = graph_of({"a": {}})
    after = Graph((replace(before.nodes[0], handling=Handling(2, 30, "default", {"x": 1})),))
    (node,) = _of(before, after).nodes
    assert [(field.label, field.after.replace("\n", "")) for field in node.fields] == [
        ("Attempts", "2"),
        ("Time limit (seconds)", "30"),
        ("When it fails", "Take a value"),
        ("Value after a failure", '{  "x": 1}'),
    ]


def test_a_node_of_another_kind_under_the_same_name_is_changed() -> None:
    (node,) = _of(graph_of({"a": {"kind": "step"}}), graph_of({"a": {"kind": "join"}})).nodes
    assert (node.kind, node.fields) == ("Join", (FieldChange("Kind", "Step", "Join"),))


def test_a_new_short_name_is_all_that_is_told_of_a_renamed_chain() -> None:
    def chain(first: str, second: str) -> Graph:
        nodes = {
            first: {**AGENT, "task": "Begin."},
            second: {**AGENT, "task": f"Go on with {{{{{first}}}}}."},
            "end": {**AGENT, "task": f"{{{{{second}}}}}"},
        }
        return graph_of(nodes, f"{first} > {second}", f"{second} > end")

    found = _of(chain("a", "b"), chain("x", "y"))
    assert found.edges == ()
    assert [node.fields for node in found.nodes] == [
        (FieldChange("Short name", "a", "x"),),
        (FieldChange("Short name", "b", "y"),),
    ]


def test_moving_a_node_is_counted_and_changes_nothing() -> None:
    before = graph_of({"a": {}, "b": {}})
    found = _of(before, Graph((replace(before.nodes[0], position=(1, 2)), before.nodes[1])))
    assert (found.is_empty, found.moved) == (True, 1)


# --- settings of one node -------------------------------------------------------------------------


def _said(config: dict[str, Any], **names: str) -> dict[str, str]:
    graph = graph_of({"a": {"label": "Writer", **config}})
    return {setting.label: setting.text for setting in settings_of(graph.nodes[0], names, ALL)}


def test_a_node_says_what_it_is_set_to_by_the_names_that_the_reader_knows() -> None:
    found = _said({"kind": "everything", "mode": "b", "is_on": False, "agent_ids": ["agent_1", "x"]}, agent_1="Ann")
    assert found == {"Mode": "Second", "On": "no", "Agents": f"Ann, {UNSEEN}"}


def test_what_stands_in_a_node_is_said_field_by_field() -> None:
    body = {"kind": "agent", "is_inline": True, "agent": {"role": "Clerk", "key_id": "key_1"}, "task": "Read."}
    found = _said({"kind": "for_each", "body": body})
    assert (found["Step"], found["Step: Task"], found["Step: Agent: Role"]) == ("Agent", "Read.", "Clerk")
    assert found["Step: Agent: Key"] == UNSEEN
    assert not any("key_1" in text for text in found.values())
