"""What people do to a graph, one function a step: pure, so that each can be undone and tested by itself.

A graph that goes in may be wrong in its meaning, as a draft is; what comes out is of the right form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.engine import references
from core.engine.graph import ERROR, MAX_ID, MAX_LABEL, RESERVED, Edge, Graph, Handling, Node
from core.engine.nodes.base import NodeKind, Outcome
from core.engine.nodes.registry import all_kinds
from core.errors import Invalid

# How far apart nodes are put, in the canvas's pixels.
STEP_X, STEP_Y = 280.0, 140.0


def ways_on(node: Node) -> tuple[Outcome, ...]:
    """Return the outcomes by which other nodes can follow, that of a failure included if the node has it."""
    kind = all_kinds().get(node.kind)
    found = kind.outcomes(node) if kind else (Outcome(),)
    return (*found, Outcome(ERROR, "If it fails")) if node.handling.on_error == "branch" else found


def add_node(
    graph: Graph, kind: NodeKind, *, after: str | None = None, when: str = "", is_between: bool = False
) -> tuple[Graph, Node]:
    """Return the graph with a new node of a kind, and that node.

    It follows ``after`` on its way ``when``; with ``is_between`` it takes over what followed there.

    Raises:
        Invalid: ``after`` is not in the graph, or nothing can follow there.
    """
    node = Node(_free_id(graph, kind.name), kind.name, dict(kind.initial), _free_label(graph, kind.label))
    if after is not None:
        node = replace(node, position=_place_after(graph, _found(graph, after)))
    grown = Graph((*graph.nodes, node), graph.edges)
    if after is None:
        return grown, node
    grown = connect(grown, after, node.id, when)
    return (_handed_over(grown, after, when, node) if is_between else grown), node


def remove_node(graph: Graph, node_id: str) -> Graph:
    """Return the graph without a node and its edges; raises ``Invalid`` when it is not there."""
    _found(graph, node_id)
    return Graph(
        tuple(node for node in graph.nodes if node.id != node_id),
        tuple(edge for edge in graph.edges if node_id not in (edge.source, edge.target)),
    )


def duplicate(graph: Graph, node_id: str) -> tuple[Graph, Node]:
    """Return the graph with a copy of a node behind it, unconnected, and the copy."""
    original = _found(graph, node_id)
    copy = replace(
        original,
        id=_free_id(graph, original.kind),
        label=_free_label(graph, f"{original.title[: MAX_LABEL - 10]} copy"),
        position=original.position and _free_place(graph, original.position[0], original.position[1] + STEP_Y),
    )
    at = graph.nodes.index(original) + 1
    return Graph((*graph.nodes[:at], copy, *graph.nodes[at:]), graph.edges), copy


def connect(graph: Graph, source: str, target: str, when: str = "") -> Graph:
    """Return the graph with an edge more.

    Raises:
        Invalid: a node is missing, nothing leads from or to it, the edge is there, or they would form a circle.
    """
    first, then = _found(graph, source), _found(graph, target)
    if source == target:
        raise Invalid("A node cannot follow itself.", "target")
    if when not in {outcome.name for outcome in ways_on(first)}:
        raise Invalid(f"Nothing can follow {first.title} there.", "source")
    kind = all_kinds().get(then.kind)
    if kind and not kind.is_target:
        raise Invalid(f"Nothing can lead to {then.title}.", "target")
    edge = Edge(source, target, when)
    if edge in graph.edges:
        raise Invalid(f"{then.title} follows {first.title} already.", "target")
    if target in graph.upstream[source]:
        raise Invalid(f"{first.title} comes after {then.title}: they would wait for each other.", "target")
    return Graph(graph.nodes, (*graph.edges, edge))


def disconnect(graph: Graph, source: str, target: str, when: str = "") -> Graph:
    """Return the graph without an edge; raises ``Invalid`` when it is not there."""
    edge = Edge(source, target, when)
    if edge not in graph.edges:
        raise Invalid("These nodes are not connected.", "target")
    return Graph(graph.nodes, tuple(one for one in graph.edges if one != edge))


def move_node(graph: Graph, node_id: str, after: str, when: str = "") -> Graph:
    """Return the graph with a node taken out of its place and put behind ``after``, before what followed there.

    What led to it leads on to what followed it.

    Raises:
        Invalid: a node is missing, it is the same one, or nothing can follow or lead there.
    """
    node = _found(graph, node_id)
    if node_id == after:
        raise Invalid("A node cannot follow itself.", "after")
    kept = [edge for edge in graph.edges if node_id not in (edge.source, edge.target)]
    bridges = [
        Edge(before.source, behind.target, before.when)
        for before in graph.incoming[node_id]
        for behind in graph.outgoing[node_id]
        if before.source != behind.target and behind.when != ERROR
    ]
    loose = Graph(graph.nodes, tuple(dict.fromkeys([*kept, *bridges])))
    # The way on from a failure belongs to the node, not to its place, unless it would lead in a circle.
    ahead = {after, *loose.upstream.get(after, ())}
    own = [edge for edge in graph.outgoing[node_id] if edge.when == ERROR and edge.target not in ahead]
    return _handed_over(connect(Graph(loose.nodes, (*loose.edges, *own)), after, node_id, when), after, when, node)


def rename_label(graph: Graph, node_id: str, label: str) -> Graph:
    """Return the graph with a node called otherwise by people; raises ``Invalid`` when it is too long."""
    label = " ".join(label.split())
    if len(label) > MAX_LABEL:
        raise Invalid(f"A name has at most {MAX_LABEL} characters.", "label")
    return put_node(graph, replace(_found(graph, node_id), label=label))


def rename_id(graph: Graph, node_id: str, new_id: str) -> Graph:
    """Return the graph with a node whose output has another name, and every reference to it as well.

    Raises:
        Invalid: the name has not the right form, or is taken by a node or an input.
    """
    node = _found(graph, node_id)
    new_id = new_id.strip()
    if new_id == node_id:
        return graph
    if not re.fullmatch(r"[\w-]+", new_id) or len(new_id) > MAX_ID or new_id in RESERVED:
        raise Invalid(f"A short name has 1 to {MAX_ID} letters, digits, _ and -.", "id")
    if new_id in _names(graph):
        raise Invalid(f"There is something called {new_id} already.", "id")
    nodes = (replace(one, id=new_id) if one is node else one for one in graph.nodes)
    edges = (
        Edge(
            new_id if edge.source == node_id else edge.source,
            new_id if edge.target == node_id else edge.target,
            edge.when,
        )
        for edge in graph.edges
    )
    return Graph(tuple(references.renamed(one, node_id, new_id) for one in nodes), tuple(edges))


def configure(graph: Graph, node_id: str, *, label: str, config: Mapping[str, Any], handling: Handling) -> Graph:
    """Return the graph with a node's settings replaced: what saving its form does.

    Edges of outcomes that are gone go with them; when one outcome was renamed, its edges take the new name.

    Raises:
        Invalid: the node is not there, or its name is too long.
    """
    before = _found(graph, node_id)
    after = replace(before, config=dict(config), handling=handling)
    changed = rename_label(put_node(graph, after), node_id, label)
    names = [[outcome.name for outcome in ways_on(node)] for node in (before, after)]
    gone = [name for name in names[0] if name not in names[1]]
    came = [name for name in names[1] if name not in names[0]]
    renamed = {gone[0]: came[0]} if len(gone) == len(came) == 1 else {}
    edges = (
        replace(edge, when=renamed[edge.when]) if edge.source == node_id and edge.when in renamed else edge
        for edge in changed.edges
        if edge.source != node_id or edge.when not in gone or edge.when in renamed
    )
    return Graph(changed.nodes, tuple(edges))


def put_node(graph: Graph, node: Node) -> Graph:
    """Return the graph with a node in the place of the one with its id; raises ``Invalid`` without one."""
    _found(graph, node.id)
    return Graph(tuple(node if one.id == node.id else one for one in graph.nodes), graph.edges)


def _handed_over(graph: Graph, source: str, when: str, node: Node) -> Graph:
    """Let ``node`` lead by its first way on to what followed ``source`` on the way ``when`` beside it."""
    first = next(iter(ways_on(node)), None)
    if first is None:
        return graph
    edges: Iterable[Edge] = (
        Edge(node.id, edge.target, first.name)
        if edge.source == source and edge.when == when and edge.target != node.id
        else edge
        for edge in graph.edges
    )
    return Graph(graph.nodes, tuple(dict.fromkeys(edges)))


def _found(graph: Graph, node_id: str) -> Node:
    try:
        return graph.by_id[node_id]
    except KeyError:
        raise Invalid("This node is not in the workflow any more.", "node") from None


def _names(graph: Graph) -> set[str]:
    """Return the names of all values: those of nodes, and of the fields of inputs."""
    found = {node.id for node in graph.nodes}
    for node in graph.nodes:
        fields = node.config.get("fields") if node.kind == "input" else None
        if isinstance(fields, list):
            found |= {str(field.get("name")) for field in fields if isinstance(field, Mapping)}
    return found


def _free_id(graph: Graph, kind: str) -> str:
    names, number = _names(graph), 1
    while f"{kind}_{number}" in names:
        number += 1
    return f"{kind}_{number}"


def _free_label(graph: Graph, label: str) -> str:
    taken, found, number = {node.label for node in graph.nodes}, label, 1
    while found in taken:
        number += 1
        found = f"{label} {number}"
    return found


def _place_after(graph: Graph, node: Node) -> tuple[float, float] | None:
    return node.position and _free_place(graph, node.position[0] + STEP_X, node.position[1])


def _free_place(graph: Graph, x: float, y: float) -> tuple[float, float]:
    """Return the first place at or below (x, y) where no node lies."""
    taken = [node.position for node in graph.nodes if node.position]
    while any(abs(x - other[0]) < STEP_X / 2 and abs(y - other[1]) < STEP_Y / 2 for other in taken):
        y += STEP_Y
    return x, y
