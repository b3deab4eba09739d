"""The readable difference of two graphs: what was added, removed, renamed and set otherwise, in words of the forms.

Pure. A node that only took another short name is followed, with everything that asks for its value. Where nodes
stand on the canvas is told in one number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from core.engine.forms import FormField
from core.engine.graph import ERROR, Edge, Graph, Handling, Node, in_order
from core.engine.graph_edits import rename_id
from core.engine.nodes.base import NodeKind
from core.engine.nodes.registry import all_kinds
from core.engine.values import as_text
from core.errors import Invalid

Change = Literal["added", "removed", "changed"]
HANDLING: Mapping[str, str] = {
    "attempts": "Attempts",
    "timeout_seconds": "Time limit (seconds)",
    "on_error": "When it fails",
    "default": "Value after a failure",
}
ON_ERROR: Mapping[str, str] = {"stop": "Stop the run", "branch": "Go another way", "default": "Take a value"}
# What people know by a name; who may not see it reads no id.
_BY_ID = ("agent", "agents", "key", "workflow")
UNSEEN = "not shared with you"


@dataclass(frozen=True)
class FieldChange:
    """A setting as it was and as it is, both as text; nothing is an empty text."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Setting:
    """What a node is set to, as text."""

    label: str
    text: str


@dataclass(frozen=True)
class NodeChange:
    """What became of a node; ``kind`` is the label of its kind. Only a changed one has ``fields``."""

    change: Change
    node_id: str
    title: str
    kind: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class EdgeChange:
    """A connection that came or went, in titles of nodes; ``when`` is the label of the way, empty if ordinary."""

    change: Literal["added", "removed"]
    source: str
    target: str
    when: str = ""


@dataclass(frozen=True)
class Difference:
    """What lies between two graphs. ``moved`` counts the nodes that stand elsewhere."""

    nodes: tuple[NodeChange, ...] = ()
    edges: tuple[EdgeChange, ...] = ()
    moved: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether both do the same."""
        return not self.nodes and not self.edges


def difference(
    before: Graph,
    after: Graph,
    names: Mapping[str, str] | None = None,
    kinds: Mapping[str, NodeKind] | None = None,
) -> Difference:
    """Return what was changed from ``before`` to ``after``; ``names`` says what people call agents and the like."""
    said = _Words(names or {}, kinds or all_kinds())
    before, originally = _with_new_names(before, after)
    nodes: list[NodeChange] = []
    moved = 0
    for node in after.nodes:
        old_node = before.by_id.get(node.id)
        if old_node is None:
            nodes.append(NodeChange("added", node.id, node.title, said.kind(node.kind)))
            continue
        moved += old_node.position != node.position
        fields = tuple(said.changes(old_node, node))
        if node.id in originally:
            fields = (FieldChange("Short name", originally[node.id], node.id), *fields)
        if fields:
            nodes.append(NodeChange("changed", node.id, node.title, said.kind(node.kind), fields))
    nodes += [
        NodeChange("removed", node.id, node.title, said.kind(node.kind))
        for node in before.nodes
        if node.id not in after.by_id
    ]
    edges = [said.edge("added", edge, after) for edge in after.edges if edge not in set(before.edges)]
    edges += [said.edge("removed", edge, before) for edge in before.edges if edge not in set(after.edges)]
    return Difference(tuple(nodes), tuple(edges), moved)


def settings_of(
    node: Node, names: Mapping[str, str] | None = None, kinds: Mapping[str, NodeKind] | None = None
) -> tuple[Setting, ...]:
    """Return what a node is set to, in the words of its form, without its name; what is not set is left out."""
    said = _Words(names or {}, kinds or all_kinds())
    found = said.changes(replace(node, config={}, handling=Handling()), node)
    return tuple(Setting(field.label, field.after) for field in found if field.after)


def _with_new_names(before: Graph, after: Graph) -> tuple[Graph, Mapping[str, str]]:
    """Rename what only took another short name: a node that is gone does exactly what a new one does.

    Returns the graph with the new names, and the old name for each of them.
    """
    came = [node for node in after.nodes if node.id not in before.by_id]
    originally: dict[str, str] = {}
    # Sources first: what asks for their values is then the same again.
    for node_id in [node.id for node in in_order(before) if node.id not in after.by_id]:
        node = before.by_id[node_id]
        same = [other for other in came if _work(other) == _work(node)]
        # Several alike cannot be told apart, unless by what they are called.
        same = [other for other in same if other.label == node.label] if len(same) > 1 else same
        if len(same) != 1:
            continue
        try:
            before = rename_id(before, node_id, same[0].id)
        except Invalid:
            continue
        originally[same[0].id] = node_id
        came.remove(same[0])
    return before, originally


def _work(node: Node) -> tuple[str, Mapping[str, Any], Handling]:
    return node.kind, node.config, node.handling


class _Words:
    """Says settings in the words of the forms."""

    def __init__(self, names: Mapping[str, str], kinds: Mapping[str, NodeKind]) -> None:
        self._names = names
        self._kinds = kinds

    def kind(self, name: object) -> str:
        found = self._kind(name)
        return found.label if found else as_text(name)

    def way(self, source: Node, when: str) -> str:
        if when == ERROR:
            return "If it fails"
        kind = self._kind(source.kind)
        outcomes = kind.outcomes(source) if kind else ()
        return next((outcome.label for outcome in outcomes if outcome.name == when), "") or when

    def edge(self, change: Literal["added", "removed"], edge: Edge, graph: Graph) -> EdgeChange:
        source, target = graph.by_id[edge.source], graph.by_id[edge.target]
        return EdgeChange(change, source.title, target.title, self.way(source, edge.when))

    def changes(self, before: Node, after: Node) -> Iterator[FieldChange]:
        if before.label != after.label:
            yield FieldChange("Name", before.label, after.label)
        if before.kind != after.kind:
            yield FieldChange("Kind", self.kind(before.kind), self.kind(after.kind))
        yield from self._settings(self._form(after.kind), before.config, after.config, "")
        if before.handling != after.handling:
            for name, label in HANDLING.items():
                old, new = getattr(before.handling, name), getattr(after.handling, name)
                if old != new:
                    words = ON_ERROR if name == "on_error" else {}
                    yield FieldChange(label, words.get(str(old), as_text(old)), words.get(str(new), as_text(new)))

    def _settings(
        self, form: Sequence[FormField], before: Mapping[str, Any], after: Mapping[str, Any], place: str
    ) -> Iterator[FieldChange]:
        by_name: dict[str, FormField] = {}
        for field in form:
            by_name.setdefault(field.name, field)
        for name in dict.fromkeys([*by_name, *before, *after]):
            old, new = before.get(name), after.get(name)
            if old == new and type(old) is type(new):
                continue
            known = by_name.get(name)
            label = place + (known.label if known else name)
            if known and known.widget in ("group", "node"):
                old, new = ({} if value is None else value for value in (old, new))
            if isinstance(old, Mapping) and isinstance(new, Mapping) and (not known or known.widget != "approver"):
                inner = self._inner(known, new)
                if known and known.widget == "node" and old.get("kind") != new.get("kind"):
                    titles = [self.kind(one["kind"]) if "kind" in one else "" for one in (old, new)]
                    yield FieldChange(label, *titles)
                    old, new = ({k: v for k, v in one.items() if k != "kind"} for one in (old, new))
                yield from self._settings(inner, old, new, f"{label}: ")
            else:
                yield FieldChange(label, self._text(known, old), self._text(known, new))

    def _text(self, field: FormField | None, value: Any) -> str:
        if value is None or value == "":
            return ""
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, str):
            return self._word(field, value)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return ", ".join(self._word(field, one) for one in value)
        if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
            return "\n".join(self._row(field, row) for row in value)
        if isinstance(value, Mapping) and field is not None and field.widget == "approver":
            return f"{value.get('kind')}: {self._text(None, value.get('id'))}"
        return as_text(value)

    def _word(self, field: FormField | None, value: str) -> str:
        options = dict(field.options) if field else {}
        is_id = field is not None and field.widget in _BY_ID
        return options.get(value) or self._names.get(value) or (UNSEEN if is_id else value)

    def _row(self, field: FormField | None, row: Mapping[str, Any]) -> str:
        columns = {column.name: column for column in field.columns} if field else {}
        cells = {name: self._text(columns.get(name), value) for name, value in row.items()}
        if field is not None and field.widget == "fields":
            needed = "" if row.get("is_required", True) else ", may be empty"
            said = f" ({cells['help']})" if cells.get("help") else ""
            return f"{cells.get('name', '')}: {cells.get('type', '')}{needed}{said}"
        return " · ".join(cell for cell in cells.values() if cell)

    def _kind(self, name: object) -> NodeKind | None:
        return self._kinds.get(name) if isinstance(name, str) else None

    def _form(self, kind_name: object) -> tuple[FormField, ...]:
        kind = self._kind(kind_name)
        return kind.form if kind else ()

    def _inner(self, field: FormField | None, value: Mapping[str, Any]) -> tuple[FormField, ...]:
        if field is None:
            return ()
        return self._form(value.get("kind")) if field.widget == "node" else field.columns
