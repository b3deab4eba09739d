"""What the nodes of a graph refer to: agents, keys, workflows, approvers. The forms of their kinds say where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.engine.forms import FormField, shown
from core.engine.graph import Graph, Node
from core.engine.nodes.registry import all_kinds

ReferenceKind = Literal["agent", "key", "workflow", "person", "role", "department"]
# Nodes in nodes in nodes: the graph's depth is limited, and this with it.
MAX_DEPTH = 10


@dataclass(frozen=True)
class Reference:
    """A node's ``field`` names a thing by ``id``."""

    node: Node
    field: str
    kind: ReferenceKind
    id: str


def references(graph: Graph) -> list[Reference]:
    """Return what the nodes refer to; empty choices are none, and what has not the right form neither."""
    return [
        Reference(node, field, kind, named)
        for node in graph.nodes
        for field, kind, named in _of_kind(node.kind, node.config, MAX_DEPTH)
    ]


Found = tuple[str, ReferenceKind, str]


def _of_kind(kind: object, config: Mapping[str, Any], depth: int) -> Iterator[Found]:
    if not isinstance(kind, str) or kind not in all_kinds() or depth == 0:
        return
    yield from _of_form(all_kinds()[kind].form, config, depth)
    inline = config.get("agent")
    if isinstance(inline, Mapping) and not config.get("agent_id") and config.get("is_inline") is None:
        # An agent that a program has put into the graph, without the form's switch.
        yield from ((("agent", "key", named)) for named in _ids(inline.get("key_id")))


def _of_form(form: tuple[FormField, ...], config: Mapping[str, Any], depth: int) -> Iterator[Found]:
    for field in shown(form, config):
        value = config.get(field.name)
        match field.widget:
            case "agent" | "agents":
                yield from ((field.name, "agent", named) for named in _ids(value))
            case "key":
                yield from ((field.name, "key", named) for named in _ids(value))
            case "workflow":
                yield from ((field.name, "workflow", named) for named in _ids(value))
            case "approver":
                yield from ((field.name, kind, named) for kind, named in _approver(value))
            case "rows" | "group":
                for row in value if isinstance(value, list) else [value]:
                    if isinstance(row, Mapping):
                        found = _of_form(field.columns, row, depth - 1)
                        yield from ((field.name, kind, named) for _, kind, named in found)
            case "node" if isinstance(value, Mapping):
                found = _of_kind(value.get("kind"), value, depth - 1)
                yield from ((field.name, kind, named) for _, kind, named in found)


def _ids(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [one for one in values if isinstance(one, str) and one]


def _approver(value: object) -> Iterator[tuple[ReferenceKind, str]]:
    if isinstance(value, Mapping):
        for kind in ("person", "role", "department"):
            if value.get("kind") == kind:
                yield from ((kind, named) for named in _ids(value.get("id")))
