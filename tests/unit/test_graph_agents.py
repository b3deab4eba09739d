"""Every agent and key of a run is found, or a right to it would not be asked for and its limits would not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.engine.graph import read_graph
from core.engine.graph_agents import agents_in
from core.engine.nodes.registry import all_kinds
from core.runs.start import key_ids_in
from tests.support.kind_examples import EXAMPLES, MORE, Resolver


def prepared(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Return what a run keeps of these nodes."""
    graph = read_graph({"nodes": [{"id": f"n{number}", **node} for number, node in enumerate(nodes)]})
    return {
        "nodes": [
            replace(node, config=all_kinds()[node.kind].prepare(node, Resolver())).document()
            for node in graph.nodes
        ],
        "edges": [],
    }


def test_the_keys_of_agents_crews_judges_and_bodies_are_found() -> None:
    document = prepared(
        {"kind": "agent", "agent_id": "a", "task": "x"},
        {"kind": "agent", **MORE["agent"][1]},
        {"kind": "crew", **EXAMPLES["crew"]},
        {"kind": "condition", **MORE["condition"][3], "agent_id": "judge"},
        {"kind": "for_each", "items": "l", "body": {"kind": "crew", **MORE["crew"][0], "manager_id": "boss"}},
        {"kind": "for_each", "items": "l", "body": {"kind": "agent", "agent_id": "b", "task": "x"}},
        {"kind": "tool", "tool": "t", "arguments": {"key_id": "service"}},
        {"kind": "for_each", "items": "l", "body": {"kind": "tool", "tool": "t", "arguments": {"key_id": "other"}}},
    )
    agents = ["a", "agent_1", "agent_2", "judge", "boss", "agent_2", "agent_3", "b"]
    assert [agent_id for agent_id, _ in agents_in(document)] == ["a", None, *agents[1:]]
    assert key_ids_in(document) == {"key_1", "service", "other", *(f"key of {agent}" for agent in agents)}


@pytest.mark.parametrize(
    "document", [{}, {"nodes": None}, {"nodes": [None, {"agent": 5, "agents": [], "body": "x"}]}]
)
def test_a_graph_of_another_form_has_no_keys(document: dict[str, Any]) -> None:
    assert key_ids_in(document) == frozenset()
    assert list(agents_in(document)) == []


def test_no_kind_keeps_an_agent_where_nobody_looks() -> None:
    for name, configs in {name: [one, *MORE.get(name, [])] for name, one in EXAMPLES.items()}.items():
        for config in configs:
            document = prepared({"kind": name, **config})
            assert str(document).count("key of ") == len([key for key in key_ids_in(document) if " of " in key])
