"""Where a node's settings name values of other nodes, so that a renamed node takes its references along. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.engine.forms import FormField
from core.engine.graph import Node
from core.engine.nodes.registry import all_kinds

# Fields whose value is text in which ``{{path}}`` may stand, at any depth.
_TEMPLATES = frozenset({"template", "text", "json", "arguments", "inputs"})
# Fields whose value is a path, or a list of them.
_PATHS = frozenset({"reference", "references"})
# Fields whose value is an object, or a list of objects, with fields of their own.
_OBJECTS = frozenset({"rows", "group"})


def renamed(node: Node, old: str, new: str) -> Node:
    """Return the node with every reference to the value ``old`` leading to ``new``."""
    kind = all_kinds().get(node.kind)
    if kind is None:
        return node
    path = _path_renaming(old, new)
    template = _template_renaming(old, new)
    return replace(node, config=_in_object(node.config, kind.form, path, template))


Renaming = Callable[[str], str]


def _path_renaming(old: str, new: str) -> Renaming:
    return lambda text: new + text[len(old) :] if text.split(".")[0] == old else text


def _template_renaming(old: str, new: str) -> Renaming:
    pattern = re.compile(r"(\{\{\s*)" + re.escape(old) + r"(?=\s*(?:\.[\w.-]+\s*)?\}\})")
    return lambda text: pattern.sub(lambda match: match[1] + new, text)


def _in_object(
    config: Mapping[str, Any], form: Sequence[FormField], path: Renaming, template: Renaming
) -> dict[str, Any]:
    by_name = {field.name: field for field in form}
    return {
        name: _in_field(value, by_name[name], path, template) if name in by_name else value
        for name, value in config.items()
    }


def _in_field(value: Any, field: FormField, path: Renaming, template: Renaming) -> Any:
    if field.widget in _PATHS:
        return _in_texts(value, path)
    if field.widget in _TEMPLATES:
        return _in_texts(value, template)
    if field.widget in _OBJECTS:
        return _in_rows(value, field, path, template)
    if field.widget == "node" and isinstance(value, Mapping):
        inner = all_kinds().get(str(value.get("kind")))
        return _in_object(value, inner.form, path, template) if inner else value
    return value


def _in_rows(value: Any, field: FormField, path: Renaming, template: Renaming) -> Any:
    if isinstance(value, list):
        return [_in_rows(row, field, path, template) for row in value]
    return _in_object(value, field.columns, path, template) if isinstance(value, Mapping) else value


def _in_texts(value: Any, change: Renaming) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in_texts(one, change) for one in value]
    if isinstance(value, Mapping):
        return {name: _in_texts(one, change) for name, one in value.items()}
    return value
