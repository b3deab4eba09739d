"""The graph of a run, and the rules it has to keep. Pure: no database, no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import GraphInvalid

MAX_NODES = 200
MAX_EDGES = 1000
MAX_ID = 80


@dataclass(frozen=True)
class Node:
    """A step of the graph: ``config`` is what its kind needs to know."""

    id: str
    kind: str
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Edge:
    """``target`` waits for ``source`` and receives its output."""

    source: str
    target: str


@dataclass(frozen=True)
class Graph:
    """A checked graph. ``nodes`` are in an order in which they can run."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def sources_of(self, node_id: str) -> tuple[str, ...]:
        """Return the nodes whose outputs a node receives, in the order of the edges."""
        return tuple(edge.source for edge in self.edges if edge.target == node_id)

    def final_nodes(self) -> tuple[str, ...]:
        """Return the nodes nobody waits for: their outputs are the run's."""
        sources = {edge.source for edge in self.edges}
        return tuple(node.id for node in self.nodes if node.id not in sources)

    def document(self) -> dict[str, Any]:
        """Return the graph as plain data, the form ``parse_graph`` reads."""
        return {
            "nodes": [{"id": node.id, "kind": node.kind, **node.config} for node in self.nodes],
            "edges": [{"source": edge.source, "target": edge.target} for edge in self.edges],
        }


def parse_graph(document: Mapping[str, Any]) -> Graph:
    """Return the graph in ``{"nodes": [{"id", "kind", …}], "edges": [{"source", "target"}]}``.

    Raises:
        GraphInvalid: a sentence about the first thing that is wrong.
    """
    if not isinstance(document, Mapping):
        raise GraphInvalid("it is not an object.")
    nodes = _nodes(document.get("nodes"))
    edges = _edges(document.get("edges", []), set(nodes))
    return Graph(_in_order(nodes, edges), edges)


def _nodes(items: object) -> dict[str, Node]:
    if not isinstance(items, list) or not items:
        raise GraphInvalid("it has no nodes.")
    if len(items) > MAX_NODES:
        raise GraphInvalid(f"it has more than {MAX_NODES} nodes.")
    nodes: dict[str, Node] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise GraphInvalid("a node is not an object.")
        node_id, kind = item.get("id"), item.get("kind")
        if not isinstance(node_id, str) or not 0 < len(node_id) <= MAX_ID or not node_id.isprintable():
            raise GraphInvalid("a node has no proper id.")
        if not isinstance(kind, str):
            raise GraphInvalid(f"the node {node_id} has no kind.")
        if node_id in nodes:
            raise GraphInvalid(f"two nodes are called {node_id}.")
        nodes[node_id] = Node(node_id, kind, {k: v for k, v in item.items() if k not in ("id", "kind")})
    return nodes


def _edges(items: object, known: set[str]) -> tuple[Edge, ...]:
    if not isinstance(items, list) or len(items) > MAX_EDGES:
        raise GraphInvalid("its edges are not a list, or too many.")
    edges: list[Edge] = []
    for item in items:
        source, target = (item.get("source"), item.get("target")) if isinstance(item, Mapping) else (None, None)
        if not isinstance(source, str) or not isinstance(target, str) or not {source, target} <= known:
            raise GraphInvalid("an edge leads to a node that does not exist.")
        edge = Edge(source, target)
        if edge in edges:
            raise GraphInvalid(f"{source} and {target} are connected twice.")
        edges.append(edge)
    return tuple(edges)


def _in_order(nodes: Mapping[str, Node], edges: tuple[Edge, ...]) -> tuple[Node, ...]:
    """Sort topologically (Kahn 1962), keeping the given order among equals."""
    missing = dict.fromkeys(nodes, 0)
    for edge in edges:
        missing[edge.target] += 1
    ready = [node_id for node_id, count in missing.items() if count == 0]
    ordered: list[Node] = []
    while ready:
        node_id = ready.pop(0)
        ordered.append(nodes[node_id])
        for edge in edges:
            if edge.source == node_id:
                missing[edge.target] -= 1
                if missing[edge.target] == 0:
                    ready.append(edge.target)
    if len(ordered) < len(nodes):
        raise GraphInvalid("its nodes wait for each other in a circle.")
    return tuple(ordered)
