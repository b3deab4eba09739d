"""One node of a graph alone, with values in the place of what comes before it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core import clock
from core.db.types import storable_tree
from core.engine.graph import Graph, Node, in_order, read_graph
from core.engine.nodes.registry import check_node
from core.errors import GraphInvalid, Invalid, NotFound
from core.runs.inputs import INPUT, MAX_INPUT, fields_of
from core.runs.nodes.models import NODE, NodeState


def node_alone(
    document: Mapping[str, Any], node_id: str, values: Mapping[str, Any]
) -> tuple[Graph, list[NodeState], dict[str, Any]]:
    """Return a graph that ends with a node, what the nodes before it have given, and the inputs.

    Raises:
        GraphInvalid: the graph has not the right form, or the node is not complete.
        NotFound: there is no such node.
        Invalid: the values are too long.
    """
    whole = read_graph(document)
    if node_id not in whole.by_id:
        raise NotFound(what="step")
    check_node(whole.by_id[node_id])
    before = whole.upstream[node_id] - {node_id}
    wanted = before | {node_id}
    edges = tuple(edge for edge in whole.edges if {edge.source, edge.target} <= wanted and edge.source != node_id)
    cut = Graph(tuple(_runnable(node) for node in whole.nodes if node.id in wanted), edges)
    ordered = in_order(cut)
    if len(ordered) < len(cut.nodes):
        raise GraphInvalid("its nodes wait for each other in a circle.")
    given = {str(name): storable_tree(value) for name, value in values.items()}
    if len(json.dumps(given)) > MAX_INPUT:
        raise Invalid(f"The values are longer than {MAX_INPUT:,} characters. Shorten them.", "values")
    ways = {edge.source: edge.when for edge in reversed(edges) if edge.target == node_id}
    inputs = {name: value for name, value in given.items() if name not in whole.by_id}
    for one in cut.nodes:
        if one.kind == INPUT:
            given.setdefault(one.id, {field.name: inputs.get(field.name) for field in fields_of(Graph((one,)))})
    at = clock.now()
    pinned = [
        NodeState(one, NODE, "succeeded", ways.get(one, ""), given.get(one), started_at=at, ended_at=at)
        for one in before
    ]
    return Graph(ordered, edges), pinned, inputs


def _runnable(node: Node) -> Node:
    """Return a node as it is, or a plain one in its place when it is not complete: it does not run here."""
    try:
        check_node(node)
    except GraphInvalid:
        return Node(node.id, "template", {"text": node.title}, node.label, node.position)
    return node
