"""Fields about tools and other workflows, with a form for what each of them asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import runtime
from app.ui import answer, node_form_values
from app.ui.node_form_place import TYPES, Place, quiet_problem, seed
from core.engine.forms import FormField
from core.engine.graph import read_graph
from core.errors import CoreError
from core.runs.inputs import fields_of
from core.tools.registry import all_tools

# Texts of up to so many characters have one line.
ONE_LINE = 500


def tool(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    """Draw the choice of a tool, and what it does."""
    known = all_tools()
    seed(key, value if value in known else None)
    chosen = st.selectbox(
        field.label,
        list(known),
        None,
        format_func=lambda name: known[name].label if name in known else name,
        key=key,
        help=field.help or None,
        placeholder="Choose a tool",
    )
    if chosen:
        st.caption(answer.harmless(known[chosen].description))
    return chosen


def tools(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> list[str]:
    """Draw the choice of several tools."""
    known = all_tools()
    seed(key, [name for name in value if name in known] if isinstance(value, list | tuple) else [])
    return st.multiselect(
        field.label,
        list(known),
        format_func=lambda name: known[name].label if name in known else name,
        key=key,
        help=field.help or None,
        select_all=False,
        placeholder="Choose tools",
    )


def arguments(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> dict[str, str]:
    """Draw one text for each argument of the chosen tool, by its schema."""
    chosen = all_tools().get(str(above.get(field.of)))
    if chosen is None:
        return {}
    given = value if isinstance(value, Mapping) else {}
    schema = chosen.arguments.model_json_schema()
    typed: dict[str, str] = {}
    for name, about in schema.get("properties", {}).items():
        label = str(about.get("title") or name)
        is_needed = name in schema.get("required", ())
        text = node_form_values.template_text(
            label if is_needed else f"{label} (optional)",
            _as_template(given.get(name)),
            f"{key}_{chosen.name}_{name}",
            place,
            about=_about(about),
            is_line=_is_line(about),
        )
        if text:
            typed[name] = text
    return typed


def inputs(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> dict[str, str]:
    """Draw one text for each input of the chosen workflow."""
    workflow_id = above.get(field.of)
    if not isinstance(workflow_id, str):
        return {}
    try:
        asked = fields_of(read_graph(runtime.get_core().workflows.to_run(place.actor, workflow_id).graph))
    except CoreError as error:
        quiet_problem(error.sentence)
        return {}
    given = value if isinstance(value, Mapping) else {}
    if not asked:
        st.caption("This workflow asks for nothing.")
    typed: dict[str, str] = {}
    for one in asked:
        label = one.name if one.is_required else f"{one.name} (optional)"
        about = " ".join(filter(None, [one.help, f"It takes {TYPES[one.type]}."]))
        text = node_form_values.template_text(
            label, _as_template(given.get(one.name)), f"{key}_{workflow_id}_{one.name}", place, about=about
        )
        if text:
            typed[one.name] = text
    return typed


def _as_template(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _is_line(schema: Mapping[str, Any]) -> bool:
    """Whether an argument fits into one line: a short text, or none at all."""
    longest = schema.get("maxLength")
    return schema.get("type") != "string" or "enum" in schema or (longest is not None and longest <= ONE_LINE)


def _about(schema: Mapping[str, Any]) -> str:
    """Return what a schema says of an argument, with the values it may have."""
    values = ", ".join(str(one) for one in schema.get("enum", ()))
    return " ".join(filter(None, [str(schema.get("description", "")), f"One of: {values}." if values else ""]))
