"""Where a graph names things of this installation, by the forms of its kinds, and how these names are exchanged.

Only settings that a form knows are kept: what stands in a graph beside them could name anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from core.engine.forms import FormField, shown
from core.engine.graph import Graph, Node
from core.engine.nodes.registry import all_kinds

Thing = Literal["agent", "key", "workflow", "person"]
Exchange = Callable[[Node, Thing, str], str]
_WIDGETS: Mapping[str, Thing] = {"agent": "agent", "agents": "agent", "key": "key", "workflow": "workflow"}


def exchanged(graph: Graph, exchange: Exchange) -> Graph:
    """Return the graph with every name of a thing exchanged; nodes of unknown kinds lose their settings."""
    return Graph(tuple(_node(node, exchange) for node in graph.nodes), graph.edges)


def unknown_kinds(graph: Graph) -> list[str]:
    """Return the titles of nodes whose kind nobody knows here."""
    return [node.title for node in graph.nodes if node.kind not in all_kinds()]


def _node(node: Node, exchange: Exchange) -> Node:
    kind = all_kinds().get(node.kind)

    def named(thing: Thing, name: str) -> str:
        return exchange(node, thing, name)

    return replace(node, config=_settings(kind.form if kind else (), node.config, named))


Named = Callable[[Thing, str], str]


def _settings(form: tuple[FormField, ...], config: Mapping[str, Any], named: Named) -> dict[str, Any]:
    fields = {field.name: field for field in (*reversed(form), *shown(form, config))}
    return {name: _value(fields[name], value, named) for name, value in config.items() if name in fields}


def _value(field: FormField, value: Any, named: Named) -> Any:
    if thing := _WIDGETS.get(field.widget):
        return _names(thing, value, named)
    match field.widget:
        case "rows" if isinstance(value, list):
            return [_settings(field.columns, row, named) for row in value if isinstance(row, Mapping)]
        case "group" if isinstance(value, Mapping):
            return _settings(field.columns, value, named)
        case "node" if isinstance(value, Mapping):
            kind = all_kinds().get(str(value.get("kind")))
            return {"kind": value.get("kind"), **_settings(kind.form if kind else (), value, named)}
        case "approver" if isinstance(value, Mapping):
            name = value.get("id")
            if value.get("kind") == "person":
                return {"kind": "person", "id": _names("person", name, named)}
            return {"kind": value.get("kind"), "id": name if isinstance(name, str) else ""}
        case "rows" | "group" | "node" | "approver":
            return None
    return value


def _names(thing: Thing, value: Any, named: Named) -> Any:
    if isinstance(value, list):
        return [named(thing, one) for one in value if isinstance(one, str) and one]
    return named(thing, value) if isinstance(value, str) and value else ""
