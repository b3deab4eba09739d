"""Which nodes of a graph can run now, and to which no way leads. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.engine.graph import Edge, Graph, Node

# A decided node is known by the outcome it went on by; None when there is no way on from it.
Ways = Mapping[str, str | None]


@dataclass(frozen=True)
class Next:
    """Nodes that can run, and nodes that never will, both in the order of the graph."""

    ready: tuple[Node, ...]
    skipped: tuple[Node, ...]


def next_nodes(graph: Graph, ways: Ways, begun: Collection[str]) -> Next:
    """Return what comes next; ``begun`` are nodes that run or wait.

    ``graph`` is one whose nodes are in an order in which they can run.
    """
    known = dict(ways)
    ready: list[Node] = []
    skipped: list[Node] = []
    for node in graph.nodes:
        if node.id in known or node.id in begun:
            continue
        incoming = graph.incoming[node.id]
        is_decided = all(edge.source in known for edge in incoming)
        is_live = any(leads_on(edge, known) for edge in incoming)
        if not incoming or (is_live and (is_decided or _takes_the_first(node))):
            ready.append(node)
        elif is_decided and not is_live:
            known[node.id] = None
            skipped.append(node)
    return Next(tuple(ready), tuple(skipped))


def leads_on(edge: Edge, ways: Ways) -> bool:
    """Whether an edge is live: its source has gone on by the outcome that it stands for."""
    return ways.get(edge.source) == edge.when


def live_sources(graph: Graph, node_id: str, ways: Ways) -> tuple[str, ...]:
    """Return the nodes from which live edges lead to a node, in the order of the edges."""
    return tuple(dict.fromkeys(edge.source for edge in graph.incoming[node_id] if leads_on(edge, ways)))


def _takes_the_first(node: Node) -> bool:
    return node.kind == "join" and node.config.get("mode") == "any"
