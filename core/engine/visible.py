"""Which values a node can see, and what is known of them before the run. Pure.

The fields of the input are seen everywhere, results of nodes only after them, ``item`` in the body of a for-each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from core.engine.certainty import Certainty
from core.engine.graph import ERROR, MAX_ID, Graph, Node, in_order
from core.engine.nodes.base import NodeKind
from core.engine.values import Field, Shape, ValueType

INPUT = "input"
FOR_EACH = "for_each"
ITEM = "item"
ANYTHING = Shape("any")
FAILURE = Shape("object", (Field("code"), Field("message")))
_FILE = (Field("name"), Field("media_type"), Field("text"))


@dataclass(frozen=True)
class Offer:
    """A value that can be chosen: its path, what people call it, its type. A value on a way not taken may miss."""

    path: str
    title: str
    type: ValueType
    is_certain: bool = True


@dataclass(frozen=True)
class Unseen:
    """Why a value cannot be had: a stable code, and the end of a sentence that names who asks for what."""

    code: str
    reason: str


class Visible:
    """What each node of a graph can see. Nodes of unknown kinds give anything."""

    def __init__(self, graph: Graph, kinds: Mapping[str, NodeKind]) -> None:
        """Look up the nodes' kinds in ``kinds``."""
        self._graph = graph
        self._kinds = kinds
        self._shapes = {node.id: self._shape(node) for node in graph.nodes}

    @cached_property
    def inputs(self) -> Mapping[str, Field]:
        """The fields of the input, by name."""
        fields: Iterator[Field] = (
            field for node in self._graph.nodes if node.kind == INPUT for field in self._shapes[node.id].fields
        )
        return {field.name: field for field in fields}

    def ways(self, node: Node) -> tuple[str, ...]:
        """Return how a node can end: the names of its outcomes, and ``error`` if that leads on."""
        kind = self._kinds.get(node.kind)
        found = tuple(outcome.name for outcome in kind.outcomes(node)) if kind else ("",)
        return (*found, ERROR) if node.handling.on_error == "branch" else found

    def look(self, path: str, at: Node) -> Shape | Unseen:
        """Return what is known of the value at ``path`` for a node's settings, or why there is none."""
        name, *parts = path.split(".")
        found = self._root(name, at)
        for part in parts:
            if isinstance(found, Unseen):
                return found
            inner = part_of(found, part)
            if inner is None:
                return Unseen("value_field_unknown", f"but {_without(found, part[:MAX_ID])}.")
            found = inner
        return found

    def offers(self, node: Node, *, in_body: bool = False) -> tuple[Offer, ...]:
        """Return the values a node can use, the certain ones first; with ``item`` inside a for-each's body."""
        found: list[Offer] = []
        if in_body:
            item = self._item(node)
            found += [] if isinstance(item, Unseen) else _with_fields(ITEM, "Item", item, True)
        found += [Offer(field.name, field.name, field.type) for field in self.inputs.values()]
        for other in self._in_order:
            if other.id not in self._graph.upstream[node.id] or other.id == node.id:
                continue
            shape, is_certain = self._output(other.id, node)
            # The fields of the input are offered already, by their own names.
            known = shape if other.kind != INPUT else Shape(shape.type)
            found += _with_fields(other.id, other.title, known, is_certain)
        return tuple(sorted(found, key=lambda offer: not offer.is_certain))

    @cached_property
    def _certainty(self) -> Certainty:
        return Certainty(self._graph, self.ways)

    @cached_property
    def _in_order(self) -> tuple[Node, ...]:
        ordered = {node.id: node for node in in_order(self._graph)}
        return tuple({**ordered, **self._graph.by_id}.values())

    def _shape(self, node: Node) -> Shape:
        kind = self._kinds.get(node.kind)
        return kind.shape(node) if kind else ANYTHING

    def _root(self, name: str, at: Node) -> Shape | Unseen:
        if name == ITEM:
            return self._item(at)
        other = self._graph.by_id.get(name)
        if other is None:
            field = self.inputs.get(name)
            return (
                Shape(field.type) if field else Unseen("value_unknown", f"and nothing is called {name[:MAX_ID]}.")
            )
        if other.id == at.id:
            return Unseen("value_not_upstream", "which is its own result.")
        if other.id not in self._graph.upstream[at.id]:
            return Unseen("value_not_upstream", f"but {other.title} does not come before it.")
        shape, is_certain = self._output(other.id, at)
        if is_certain:
            return shape
        return Unseen(
            "value_uncertain",
            f"but {other.title} may have been skipped by then. "
            "Let the ways come together in a join, and use its value.",
        )

    def _output(self, node_id: str, at: Node) -> tuple[Shape, bool]:
        state = self._certainty.state(node_id, at.id)
        known = {"failed": FAILURE, "either": ANYTHING}
        return known.get(state, self._shapes[node_id]), state != "perhaps"

    def _item(self, at: Node) -> Shape | Unseen:
        if at.kind != FOR_EACH:
            return Unseen("item_outside", "which only the body of a for-each has.")
        path = at.config.get("items")
        if not isinstance(path, str) or path.split(".")[0] == ITEM:
            return ANYTHING
        found = self.look(path, at)
        if isinstance(found, Unseen) or found.type != "list" or not found.fields:
            return ANYTHING
        return Shape("object", found.fields)


def part_of(shape: Shape, part: str) -> Shape | None:
    """Return what is known of a field or of a list's item; None when there is no such part."""
    if shape.type == "any" or (shape.type == "object" and not shape.fields):
        return ANYTHING
    if shape.type == "list":
        if not part.isdecimal():
            return None
        return Shape("object", shape.fields) if shape.fields else ANYTHING
    fields = _FILE if shape.type == "file" else shape.fields if shape.type == "object" else ()
    return next((Shape(field.type) for field in fields if field.name == part), None)


def _without(shape: Shape, part: str) -> str:
    if shape.type == "list":
        return f"a list has numbers, such as 0, and no {part}"
    return f"there is no {part} in it"


def _with_fields(path: str, title: str, shape: Shape, is_certain: bool) -> Iterable[Offer]:
    yield Offer(path, title, shape.type, is_certain)
    if shape.type in ("object", "file"):
        for field in _FILE if shape.type == "file" else shape.fields:
            yield Offer(f"{path}.{field.name}", f"{title}: {field.name}", field.type, is_certain)
