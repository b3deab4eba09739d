"""The rules of a graph, all in one pure place: what is wrong with it, and which values each node can be offered.

Decided here:
- A workflow needs no input and no output node: without an input it asks for nothing, without an output its result
  is what its last nodes give. It has one input node at most, because its fields make one form.
- Any kind but a join may begin a workflow. A node without any connection among others is only warned about.
- A value may be used where it is certain: whenever the node runs, the value's node has run to its end before. What
  may have been skipped is used through a join, whose value is what came.
- Text takes every value, and a value of unknown type goes everywhere; otherwise types have to be the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from core.engine.graph import ERROR, MAX_ID, RESERVED, Edge, Graph, Node
from core.engine.nodes.base import NodeKind, Use
from core.engine.nodes.registry import all_kinds
from core.engine.problems import Problem
from core.engine.values import ValueType
from core.engine.visible import INPUT, Offer, Unseen, Visible

__all__ = ["Offer", "check_graph", "upstream_values"]

OUTPUT = "output"
JOIN = "join"
_WORDS: Mapping[ValueType, str] = {
    "text": "text",
    "number": "a number",
    "boolean": "yes or no",
    "date": "a date",
    "list": "a list",
    "object": "an object",
    "file": "a file",
    "any": "anything",
}


def check_graph(graph: Graph, kinds: Mapping[str, NodeKind] | None = None) -> tuple[Problem, ...]:
    """Return everything that is wrong with a graph, errors before warnings; what it refers to is not looked up."""
    return tuple(sorted(_Check(graph, kinds or all_kinds()).problems(), key=lambda problem: problem.is_warning))


def upstream_values(
    graph: Graph, node_id: str, kinds: Mapping[str, NodeKind] | None = None, *, in_body: bool = False
) -> tuple[Offer, ...]:
    """Return the values that a node's settings can use, those first that are certain to be there.

    ``in_body`` adds the ``item`` of a for-each, for the settings of its body. A node that is not in the graph sees
    nothing.
    """
    node = graph.by_id.get(node_id)
    return Visible(graph, kinds or all_kinds()).offers(node, in_body=in_body) if node else ()


class _Check:
    def __init__(self, graph: Graph, kinds: Mapping[str, NodeKind]) -> None:
        self._graph = graph
        self._kinds = kinds
        self._visible = Visible(graph, kinds)
        self._uses: Mapping[str, tuple[Use, ...]] = {
            node.id: tuple(kinds[node.kind].uses(node)) for node in graph.nodes if node.kind in kinds
        }

    def problems(self) -> Iterator[Problem]:
        if not self._graph.nodes:
            yield Problem("graph_empty", "there is nothing in it yet.")
        yield from self._circles()
        for node in self._graph.nodes:
            kind = self._kinds.get(node.kind)
            if kind is None:
                yield Problem("kind_unknown", f"{node.title} is of an unknown kind.", node.id)
                continue
            yield from self._own(node, kind)
            yield from self._place(node)
            yield from self._values(node)
            yield from self._ways(node, kind)
        for edge in self._graph.edges:
            yield from self._edge(edge)
        yield from self._names()
        yield from self._unreached()

    # --- nodes ---

    def _own(self, node: Node, kind: NodeKind) -> Iterator[Problem]:
        own = tuple(kind.problems(node))
        yield from own
        for field in kind.form:
            body = node.config.get(field.name)
            if field.widget != "node" or not isinstance(body, Mapping) or any(p.field == field.name for p in own):
                continue
            if body.get("kind") not in [name for name, _ in field.options]:
                yield Problem("body_wrong", f"{node.title} cannot repeat this kind of step.", node.id, field.name)
        if node.handling.on_error == "default":
            wanted = kind.shape(node).type
            if not _fits(node.handling.default, wanted):
                yield Problem(
                    "default_wrong",
                    f"{node.title} gives {_WORDS[wanted]}, and its value after a failure is something else.",
                    node.id,
                    "default",
                )

    def _place(self, node: Node) -> Iterator[Problem]:
        ways_in = len(self._graph.incoming[node.id])
        if node.kind == JOIN and ways_in < 2:
            yield Problem("join_narrow", f"{node.title} joins ways, and needs at least two.", node.id)
        elif not ways_in and not self._graph.outgoing[node.id] and len(self._graph.nodes) > 1:
            if node.kind == INPUT and self._is_asked(self._visible.inputs):
                return
            yield Problem("node_alone", f"{node.title} is not connected with anything.", node.id, is_warning=True)

    def _is_asked(self, names: Mapping[str, Any]) -> bool:
        return any(use.path.split(".")[0] in names for uses in self._uses.values() for use in uses)

    def _values(self, node: Node) -> Iterator[Problem]:
        for use in dict.fromkeys(self._uses[node.id]):
            found = self._visible.look(use.path, node)
            asks = f"{node.title} asks for {{{{{use.path[:MAX_ID]}}}}}"
            if isinstance(found, Unseen):
                yield Problem(found.code, f"{asks}, {found.reason}", node.id, use.field)
            elif not _is_taken(found.type, use.wanted):
                yield Problem(
                    "value_type",
                    f"{asks}, which is {_WORDS[found.type]} and not {_WORDS[use.wanted]}.",
                    node.id,
                    use.field,
                )

    def _ways(self, node: Node, kind: NodeKind) -> Iterator[Problem]:
        taken = {edge.when for edge in self._graph.outgoing[node.id]}
        outcomes = kind.outcomes(node)
        left = [outcome.label or outcome.name for outcome in outcomes if outcome.name not in taken]
        if len(outcomes) > 1 and left:
            yield Problem(
                "way_open", f"nothing follows {node.title} on: {', '.join(left)}.", node.id, is_warning=True
            )
        if node.handling.on_error == "default" and all(outcome.name for outcome in outcomes) and outcomes:
            sentence = f"{node.title} has a value after a failure, and no way on then. Let it go another way."
            yield Problem("default_way_open", sentence, node.id, "on_error")
        if node.handling.on_error == "branch" and ERROR not in taken:
            yield Problem(
                "error_way_open", f"{node.title} goes another way when it fails, and that leads nowhere.", node.id
            )

    # --- edges ---

    def _edge(self, edge: Edge) -> Iterator[Problem]:
        source, target = self._graph.by_id[edge.source], self._graph.by_id[edge.target]
        kind, after = self._kinds.get(source.kind), self._kinds.get(target.kind)
        if after and not after.is_target:
            sentence = f"nothing can lead to {target.title}: the workflow begins there."
            yield Problem("edge_into_start", sentence, source.id, target=target.id)
        if not kind:
            return
        if not kind.is_source:
            sentence = f"nothing can follow {source.title}: the workflow ends there."
            yield Problem("edge_out_of_end", sentence, source.id, target=target.id)
        elif edge.when not in self._visible.ways(source):
            yield Problem(*self._wrong_way(edge, source, target, kind), source.id, target=target.id)

    def _wrong_way(self, edge: Edge, source: Node, target: Node, kind: NodeKind) -> tuple[str, str]:
        if edge.when == ERROR:
            return "error_way_without", (
                f"{target.title} follows when {source.title} fails, but that stops the run. "
                f"Let {source.title} go another way when it fails."
            )
        names = [outcome.label or outcome.name for outcome in kind.outcomes(source)]
        if not edge.when:
            return "way_unknown", f"on what does {target.title} follow {source.title}? Choose: {', '.join(names)}."
        return "way_unknown", f"{target.title} follows {source.title} on {edge.when}, which it never answers."

    # --- the whole ---

    def _circles(self) -> Iterator[Problem]:
        before = self._graph.upstream
        told: set[str] = set()
        for edge in self._graph.edges:
            if edge.source == edge.target:
                title = self._graph.by_id[edge.source].title
                yield Problem("self_loop", f"{title} waits for itself.", edge.source, target=edge.target)
        for node in self._graph.nodes:
            if node.id in told or node.id not in before[node.id]:
                continue
            group = {other for other in before[node.id] if node.id in before[other]}
            told |= group
            if len(group) > 1:
                circle = self._circle(node.id, group)
                titles = [self._graph.by_id[node_id].title for node_id in circle]
                sentence = f"{', '.join(titles[:-1])} and {titles[-1]} wait for each other in a circle."
                yield Problem("circle", sentence, circle[-1], target=circle[0])

    def _circle(self, first: str, group: set[str]) -> list[str]:
        """Return the shortest circle through ``first``, turned so that it closes with its edge drawn last."""
        came_from: dict[str, Edge] = {}
        ahead = deque([first])
        while first not in came_from:
            for edge in self._graph.outgoing[ahead.popleft()]:
                if edge.target in group and edge.target not in came_from and edge.source != edge.target:
                    came_from[edge.target] = edge
                    ahead.append(edge.target)
        edges = [came_from[first]]
        while edges[-1].source != first:
            edges.append(came_from[edges[-1].source])
        edges.reverse()
        place = {edge: number for number, edge in enumerate(self._graph.edges)}
        last = max(range(len(edges)), key=lambda number: place[edges[number]])
        return [edge.source for edge in edges[last + 1 :] + edges[: last + 1]]

    def _names(self) -> Iterator[Problem]:
        inputs = [node for node in self._graph.nodes if node.kind == INPUT and INPUT in self._kinds]
        for node in inputs[1:]:
            yield Problem("input_several", f"{node.title} is a second input: put all fields into one.", node.id)
        seen: set[str] = set()
        for node in inputs:
            for field in self._kinds[INPUT].shape(node).fields:
                if field.name in seen:
                    yield Problem("field_twice", f"two inputs are called {field.name}.", node.id, "fields")
                elif field.name in self._graph.by_id or field.name in RESERVED:
                    sentence = f"no input can be called {field.name}: that is the name of something else."
                    yield Problem("field_like_node", sentence, node.id, "fields")
                seen.add(field.name)
        named: set[str] = set()
        for node in self._graph.nodes:
            name = (node.config.get("name") or node.id) if node.kind == OUTPUT else None
            if isinstance(name, str):
                if name in named:
                    yield Problem("output_twice", f"two outputs are called {name}.", node.id, "name")
                named.add(name)

    def _unreached(self) -> Iterator[Problem]:
        before = self._graph.upstream
        ahead = [
            node.id for node in self._graph.nodes if not self._graph.incoming[node.id] or node.id in before[node.id]
        ]
        reached = set(ahead)
        while ahead:
            node = self._graph.by_id[ahead.pop()]
            ways = self._visible.ways(node)
            for edge in self._graph.outgoing[node.id]:
                if edge.target not in reached and (edge.when in ways or node.kind not in self._kinds):
                    reached.add(edge.target)
                    ahead.append(edge.target)
        for node in self._graph.nodes:
            if node.id not in reached:
                sentence = f"{node.title} never runs: no way that leads to it can be taken."
                yield Problem("unreachable", sentence, node.id)


def _is_taken(given: ValueType, wanted: ValueType) -> bool:
    return wanted in ("any", "text", given) or given == "any"


def _fits(value: Any, wanted: ValueType) -> bool:
    if wanted == "any" or value is None:
        return True
    if wanted == "boolean" or isinstance(value, bool):
        return wanted == "boolean" and isinstance(value, bool)
    types: Mapping[str, Any] = {"number": int | float, "list": list, "object": Mapping, "file": Mapping}
    return isinstance(value, types.get(wanted, str))
