"""How the form of a kind of node is described: faces draw it, nothing here does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

# What asks for a field's value, and the value it gives:
# - line, text: text; template: text in which ``{{path}}`` of upstream values may be put
# - reference: the path of one upstream value, without braces; references: a list of them
# - number: int or float; whole: int; switch: bool; moment: ISO 8601 text
# - choice: one of ``options``; choices: a list of them
# - agent: id of an agent; agents: list of ids; tool: name of a tool; tools: list of names; workflow: id; key: id
# - model: text, with the models of the key in field "key_id"
# - approver: {"kind": "person"|"role"|"department", "id": text}
# - fields: list of {"name", "type", "help"?, "is_required"?}, the types of core.engine.values.FIELD_TYPES
# - rows: list of objects with the fields of ``columns``
# - group: an object with the fields of ``columns``
# - json: any JSON value, typed as text; ``{{path}}`` may stand in its texts
# - node: {"kind": name, …the fields of that kind}; ``options`` are the kinds that may be chosen
# - arguments: {argument: template}, of the tool in field ``of``
# - inputs: {input: template}, of the workflow in field ``of``
Widget = Literal[
    "line",
    "text",
    "template",
    "reference",
    "references",
    "number",
    "whole",
    "switch",
    "moment",
    "choice",
    "choices",
    "agent",
    "agents",
    "tool",
    "tools",
    "workflow",
    "key",
    "model",
    "approver",
    "fields",
    "rows",
    "group",
    "json",
    "node",
    "arguments",
    "inputs",
]


@dataclass(frozen=True)
class FormField:
    """One field of a form.

    ``shown_when`` names a field before it and the values with which this one is shown; what depends on a hidden
    field is hidden, too. Fields of one name are alternatives, of which one at most is shown. ``minimum`` and
    ``maximum`` bound a number, the characters of a text or the entries of a list.
    """

    name: str
    label: str
    widget: Widget
    help: str = ""
    default: Any = None
    is_required: bool = False
    options: tuple[tuple[str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    columns: tuple[FormField, ...] = ()
    of: str = ""
    shown_when: tuple[str, tuple[Any, ...]] | None = None


def shown(form: Sequence[FormField], config: Mapping[str, Any]) -> list[FormField]:
    """Return the fields that a form has with these settings."""
    found: dict[str, FormField] = {}
    for field in form:
        if field.shown_when is None:
            found.setdefault(field.name, field)
            continue
        other, wanted = field.shown_when
        # By ``==`` and not by hash: a setting may be of any type.
        if other in found and any(_is_same(setting(found[other], config), value) for value in wanted):
            found.setdefault(field.name, field)
    return list(found.values())


def setting(field: FormField, config: Mapping[str, Any]) -> Any:
    """Return the value of a field, its default where there is none."""
    value = config.get(field.name)
    return field.default if value is None else value


def _is_same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)
