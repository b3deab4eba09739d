"""How the form of a kind of node is described: faces draw it, nothing here does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

# What asks for a field's value, and the value it gives:
# - line, text: text; template: text in which ``{{path}}`` of upstream values may be put
# - reference: the path of one upstream value, without braces
# - number: int or float; whole: int; switch: bool; moment: ISO 8601 text
# - choice: one of ``options``; choices: a list of them
# - agent: id of an agent; agents: list of ids; tool: name of a tool; tools: list of names; workflow: id; key: id
# - model: text, with the models of the key in field "key_id"
# - approver: {"kind": "person"|"role"|"department", "id": text}
# - fields: list of {"name", "type", "help"?, "is_required"?}, the types of core.engine.values.FIELD_TYPES
# - rows: list of objects with the fields of ``columns``
# - json: any JSON value, typed as text
# - node: {"kind": name, …the fields of that kind}; ``options`` are the kinds that may be chosen
# - arguments: {argument: template}, of the tool in field ``of``
# - inputs: {input: template}, of the workflow in field ``of``
Widget = Literal[
    "line",
    "text",
    "template",
    "reference",
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
    "json",
    "node",
    "arguments",
    "inputs",
]


@dataclass(frozen=True)
class FormField:
    """One field of a form. ``shown_when`` names another field and the values with which this one is shown."""

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
