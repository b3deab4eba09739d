"""The graph of a run or a draft, read from plain data. Pure: no database, no model.

``read_graph`` takes what may still be wrong in its meaning, as a draft may; ``core.engine.rules`` says what is.
``parse_graph`` takes only what can run.
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from core.errors import GraphInvalid

MAX_NODES = 200
MAX_EDGES = 1000
MAX_ID = 80
MAX_LABEL = 80
MAX_DEPTH = 20
MAX_CHARACTERS = 500_000
MAX_ATTEMPTS = 10
LARGEST_NUMBER = 2**63 - 1
LONGEST_TIMEOUT_SECONDS = 3600
# Also names of values: they stand in ``{{…}}``.
_ID = re.compile(r"[\w-]+")
# Names that mean something to the canvas's language.
FORBIDDEN_NAME = "__proto__"
RESERVED = frozenset({FORBIDDEN_NAME, "constructor", "prototype", "item"})

OnError = Literal["stop", "branch", "default"]
# The outcome of a node that failed and has a way on for it.
ERROR = "error"


@dataclass(frozen=True)
class Handling:
    """What becomes of a node that fails. ``attempts`` counts the first one; ``default`` is its output then."""

    attempts: int | None = None
    timeout_seconds: float | None = None
    on_error: OnError = "stop"
    default: Any = None


@dataclass(frozen=True)
class Node:
    """A step of the graph: ``config`` is what its kind needs to know."""

    id: str
    kind: str
    config: Mapping[str, Any]
    label: str = ""
    position: tuple[float, float] | None = None
    handling: Handling = Handling()

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.id

    def document(self) -> dict[str, Any]:
        """Return the node as plain data, the form ``read_graph`` reads."""
        found: dict[str, Any] = {"id": self.id, "kind": self.kind, **self.config}
        if self.label:
            found["label"] = self.label
        if self.position is not None:
            found["position"] = {"x": self.position[0], "y": self.position[1]}
        if self.handling.attempts is not None:
            found["attempts"] = self.handling.attempts
        if self.handling.timeout_seconds is not None:
            found["timeout_seconds"] = self.handling.timeout_seconds
        if self.handling.on_error != "stop":
            found["on_error"] = self.handling.on_error
        if self.handling.default is not None:
            found["default"] = self.handling.default
        return found


@dataclass(frozen=True)
class Edge:
    """``target`` comes after ``source``, when that went the way ``when``: the ordinary one if it is empty."""

    source: str
    target: str
    when: str = ""

    def document(self) -> dict[str, Any]:
        """Return the edge as plain data."""
        ends = {"source": self.source, "target": self.target}
        return {**ends, "when": self.when} if self.when else ends


@dataclass(frozen=True)
class Graph:
    """A graph of the right form. From ``parse_graph``, its nodes are in an order in which they can run."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = field(default=())

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """The nodes by id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that lead to each node."""
        found: dict[str, list[Edge]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        return {node_id: tuple(edges) for node_id, edges in found.items()}

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that lead from each node."""
        found: dict[str, list[Edge]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return {node_id: tuple(edges) for node_id, edges in found.items()}

    @cached_property
    def upstream(self) -> Mapping[str, frozenset[str]]:
        """All nodes that come before each node; nodes in a circle come before themselves."""
        # Sets of nodes are the bits of whole numbers, so that many edges cost little. One walk in order is enough
        # without circles; with them, until nothing is new.
        bit = {node.id: 1 << place for place, node in enumerate(self.nodes)}
        before = dict.fromkeys(bit, 0)
        ahead = list(dict.fromkeys([*(node.id for node in in_order(self)), *bit]))
        is_new = True
        while is_new:
            is_new = False
            for node_id in ahead:
                found = before[node_id]
                for edge in self.incoming[node_id]:
                    found |= before[edge.source] | bit[edge.source]
                is_new |= found != before[node_id]
                before[node_id] = found
        return {
            node_id: frozenset(node.id for node in self.nodes if bit[node.id] & found)
            for node_id, found in before.items()
        }

    def sources_of(self, node_id: str) -> tuple[str, ...]:
        """Return the nodes whose outputs a node receives, in the order of the edges."""
        return tuple(dict.fromkeys(edge.source for edge in self.incoming[node_id]))

    def downstream_of(self, node_id: str) -> frozenset[str]:
        """Return all nodes that come after a node."""
        return frozenset(node.id for node in self.nodes if node_id in self.upstream[node.id])

    def final_nodes(self) -> tuple[str, ...]:
        """Return the nodes nobody waits for."""
        return tuple(node.id for node in self.nodes if not self.outgoing[node.id])

    def document(self) -> dict[str, Any]:
        """Return the graph as plain data, the form ``read_graph`` reads."""
        return {
            "nodes": [node.document() for node in self.nodes],
            "edges": [edge.document() for edge in self.edges],
        }


def read_graph(document: object) -> Graph:
    """Return the graph in ``{"nodes": [{"id", "kind", …}], "edges": [{"source", "target", "when"?}]}``.

    It may have circles, settings that are wrong, and no nodes at all.

    Raises:
        GraphInvalid: a sentence about the first thing that has not the right form, or is too much.
    """
    if not isinstance(document, Mapping):
        raise GraphInvalid("it is not an object.")
    _measure(document)
    nodes = _nodes(document.get("nodes"))
    return Graph(tuple(nodes.values()), _edges(document.get("edges", []), set(nodes)))


def parse_graph(document: object) -> Graph:
    """Return a graph whose nodes are in an order in which they can run.

    Raises:
        GraphInvalid: what ``read_graph`` refuses; it has no nodes, or they wait for each other.
    """
    graph = read_graph(document)
    if not graph.nodes:
        raise GraphInvalid("it has no nodes.")
    ordered = in_order(graph)
    if len(ordered) < len(graph.nodes):
        raise GraphInvalid("its nodes wait for each other in a circle.")
    return Graph(ordered, graph.edges)


def in_order(graph: Graph) -> tuple[Node, ...]:
    """Sort topologically (Kahn 1962), keeping the given order among equals; without nodes in and after circles."""
    missing = {node_id: len(edges) for node_id, edges in graph.incoming.items()}
    ready = deque(node_id for node_id, count in missing.items() if count == 0)
    ordered: list[Node] = []
    while ready:
        node_id = ready.popleft()
        ordered.append(graph.by_id[node_id])
        for edge in graph.outgoing[node_id]:
            missing[edge.target] -= 1
            if missing[edge.target] == 0:
                ready.append(edge.target)
    return tuple(ordered)


def _measure(document: Mapping[str, Any]) -> None:
    """Refuse what is too deep or too long to be a workflow, before anything walks through it."""
    ahead: list[tuple[Any, int]] = [(document, 0)]
    characters = 0
    while ahead:
        value, depth = ahead.pop()
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, Mapping):
            if not all(isinstance(key, str) for key in value):
                raise GraphInvalid("a name in it is not text.")
            if FORBIDDEN_NAME in value:
                raise GraphInvalid(f"nothing in it can be called {FORBIDDEN_NAME}.")
            characters += sum(map(len, value))
            ahead.extend((inner, depth + 1) for inner in value.values())
        elif isinstance(value, list | tuple):
            ahead.extend((inner, depth + 1) for inner in value)
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise GraphInvalid("a number in it is not finite.")
        elif isinstance(value, int):
            if abs(value) > LARGEST_NUMBER:
                raise GraphInvalid("a number in it is too large.")
        elif value is not None:
            raise GraphInvalid("it has values that are not plain data.")
        characters += 1
        if depth > MAX_DEPTH:
            raise GraphInvalid(f"it is nested more than {MAX_DEPTH} levels deep.")
        if characters > MAX_CHARACTERS:
            raise GraphInvalid(f"it is longer than {MAX_CHARACTERS:,} characters.")


def _nodes(items: object) -> dict[str, Node]:
    if not isinstance(items, list):
        raise GraphInvalid("it has no nodes.")
    if len(items) > MAX_NODES:
        raise GraphInvalid(f"it has more than {MAX_NODES} nodes.")
    nodes: dict[str, Node] = {}
    for item in items:
        node = _node(item)
        if node.id in nodes:
            raise GraphInvalid(f"two nodes are called {node.id}.")
        nodes[node.id] = node
    return nodes


def _node(item: object) -> Node:
    if not isinstance(item, Mapping):
        raise GraphInvalid("a node is not an object.")
    node_id, kind = item.get("id"), item.get("kind")
    if not isinstance(node_id, str) or not 0 < len(node_id) <= MAX_ID or not _ID.fullmatch(node_id):
        raise GraphInvalid("a node has no proper id: letters, digits, _ and - only.")
    if node_id in RESERVED:
        raise GraphInvalid(f"no node can be called {node_id}.")
    if not isinstance(kind, str) or not 0 < len(kind) <= MAX_ID:
        raise GraphInvalid(f"the node {node_id} has no kind.")
    label = item.get("label", "")
    if not isinstance(label, str) or len(label) > MAX_LABEL:
        raise GraphInvalid(f"the name of the node {node_id} is not text of at most {MAX_LABEL} characters.")
    ours = ("id", "kind", "label", "position", "attempts", "timeout_seconds", "on_error", "default")
    config = {name: value for name, value in item.items() if name not in ours}
    return Node(node_id, kind, config, label.strip(), _position(node_id, item), _handling(node_id, item))


def _position(node_id: str, item: Mapping[str, Any]) -> tuple[float, float] | None:
    given = item.get("position")
    if given is None:
        return None
    if not isinstance(given, Mapping) or not (_is_number(given.get("x")) and _is_number(given.get("y"))):
        raise GraphInvalid(f"the position of the node {node_id} is not {{x, y}}.")
    return float(given["x"]), float(given["y"])


def _handling(node_id: str, item: Mapping[str, Any]) -> Handling:
    attempts, timeout, on_error = item.get("attempts"), item.get("timeout_seconds"), item.get("on_error", "stop")
    if attempts is not None and not (
        isinstance(attempts, int) and not isinstance(attempts, bool) and 1 <= attempts <= MAX_ATTEMPTS
    ):
        raise GraphInvalid(f"the node {node_id} can be tried 1 to {MAX_ATTEMPTS} times.")
    if timeout is not None and not (_is_number(timeout) and 1 <= timeout <= LONGEST_TIMEOUT_SECONDS):
        raise GraphInvalid(f"the time limit of the node {node_id} is not 1 to {LONGEST_TIMEOUT_SECONDS} seconds.")
    if on_error not in ("stop", "branch", "default"):
        raise GraphInvalid(f"the node {node_id} can stop, branch or take a default when it fails.")
    return Handling(attempts, timeout, on_error, item.get("default"))


def _edges(items: object, known: set[str]) -> tuple[Edge, ...]:
    if not isinstance(items, list) or len(items) > MAX_EDGES:
        raise GraphInvalid("its edges are not a list, or too many.")
    edges: dict[Edge, None] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise GraphInvalid("an edge is not an object.")
        source, target, when = item.get("source"), item.get("target"), item.get("when", "")
        if not isinstance(source, str) or not isinstance(target, str) or not {source, target} <= known:
            raise GraphInvalid("an edge leads to a node that does not exist.")
        if not isinstance(when, str) or len(when) > MAX_ID:
            raise GraphInvalid(f"the edge from {source} to {target} names no proper outcome.")
        edge = Edge(source, target, when)
        if edge in edges:
            raise GraphInvalid(f"{source} and {target} are connected twice.")
        edges[edge] = None
    return tuple(edges)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
