"""Whether a value is certain to be there when a node runs: its node may be on a way that was not taken.

A value may be used where it is certain: whenever the node runs, the value's node has run to its end before. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from core.engine.graph import ERROR, Graph, Node, in_order

# given: its output is there; failed: its error is; either: one of the two; perhaps: maybe neither.
State = Literal["given", "failed", "either", "perhaps"]


class Certainty:
    """What is known of the nodes before each node.

    Facts ("it ran", "it succeeded", "it failed") are bits of whole numbers. First, from the last node to the first,
    what follows from a node's running: on each of its ways what follows there, and of all its ways what they have
    in common. Then, from the first to the last, what a node's running says: what all the edges that may have led to
    it have in common (data flow as for dominators, Aho et al., Compilers, 9.6), with what follows from them.
    """

    def __init__(self, graph: Graph, ways: Callable[[Node], Sequence[str]]) -> None:
        """Take from ``ways`` how a node can end: its outcomes, and ``error`` if that leads on."""
        self._ordered = in_order(graph)
        self._place = {node.id: place for place, node in enumerate(self._ordered)}
        self._ways = {node.id: _ends(graph, node, ways(node)) for node in self._ordered}
        self._by_way: dict[tuple[str, str], int] = {}
        self._follows = self._what_follows(graph)
        self._facts, self._decided = self._what_is_known(graph)

    def state(self, node_id: str, at: str) -> State:
        """Return what is known of a node upstream when the node ``at`` runs. Circles are not judged: ``given``."""
        if node_id not in self._place or at not in self._place:
            return "given"
        facts = self._facts[at]
        if not self._decided[at] & self._ran(node_id) or not facts & self._ran(node_id):
            return "perhaps"
        if facts & self._succeeded(node_id):
            return "given"
        return "failed" if facts & self._failed(node_id) else "either"

    def _ran(self, node_id: str) -> int:
        return 1 << 3 * self._place[node_id]

    def _succeeded(self, node_id: str) -> int:
        return 2 << 3 * self._place[node_id]

    def _failed(self, node_id: str) -> int:
        return 4 << 3 * self._place[node_id]

    def _what_follows(self, graph: Graph) -> Mapping[str, int]:
        follows: dict[str, int] = {}
        for node in reversed(self._ordered):
            ends = self._ways[node.id]
            for way in ends:
                self._by_way[node.id, way] = self._failed(node.id) if way == ERROR else self._succeeded(node.id)
            for edge in graph.outgoing[node.id]:
                if edge.when in ends and edge.target in follows:
                    self._by_way[node.id, edge.when] |= follows[edge.target]
            common = -1
            for way in ends:
                common &= self._by_way[node.id, way]
            follows[node.id] = common | self._ran(node.id)
        return follows

    def _what_is_known(self, graph: Graph) -> tuple[Mapping[str, int], Mapping[str, int]]:
        always = 0
        for node in self._ordered:
            if not graph.incoming[node.id]:
                always |= self._follows[node.id]
        facts: dict[str, int] = {}
        decided: dict[str, int] = {}
        for node in self._ordered:
            # A join of any begins with the first that comes: of the others, nothing is decided yet.
            is_early = node.kind == "join" and node.config.get("mode") == "any"
            common, ended = -1, -1 if is_early else 0
            for edge in graph.incoming[node.id]:
                source = edge.source
                usual = self._ran(source) | self._succeeded(source)  # by a way that it has not: a problem elsewhere
                common &= facts[source] | self._by_way.get((source, edge.when), usual)
                before = decided[source] | self._ran(source)
                ended = ended & before if is_early else ended | before
            known = common if graph.incoming[node.id] else 0
            facts[node.id] = known | always | self._follows[node.id]
            decided[node.id] = ended if graph.incoming[node.id] else 0
        return facts, decided


def _ends(graph: Graph, node: Node, ways: Sequence[str]) -> tuple[str, ...]:
    """Return the ways on; a failure that leads nowhere ends the run, and no node runs after it."""
    is_caught = any(edge.when == ERROR for edge in graph.outgoing[node.id])
    return tuple(way for way in dict.fromkeys(ways) if way != ERROR or is_caught) or ("",)
