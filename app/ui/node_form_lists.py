"""Fields that are lists or objects of fields: rows that can be added and removed, groups, and a node in a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.ui.node_form_place import TYPES, Place, seed
from core.engine.forms import FormField
from core.engine.nodes.registry import all_kinds
from core.engine.values import FIELD_TYPES

# What a field of an input or an answer is made of.
FIELD_COLUMNS = (
    FormField("name", "Name", "line", is_required=True, help="Letters, digits, _ and - only.", maximum=80),
    FormField(
        "type",
        "Type",
        "choice",
        default="text",
        is_required=True,
        options=tuple((name, TYPES[name].capitalize()) for name in FIELD_TYPES),
    ),
    FormField("help", "Explanation", "line", maximum=300),
    FormField("is_required", "Required", "switch", default=True),
)


def fields(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Draw the editor of named, typed fields."""
    typed = _rows(field, FIELD_COLUMNS, value, key, place)
    return [
        {**row, "name": str(row.get("name", "")).strip()} for row in typed if row.get("name") or row.get("help")
    ]


def rows(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Draw a list of objects, each with the field's columns."""
    return _rows(field, field.columns, value, key, place)


def group(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> dict[str, Any]:
    """Draw an object with the field's columns."""
    st.markdown(f"**{field.label}**", help=field.help or None)
    with st.container(border=True, gap="small"):
        return place.draw_form(field.columns, value if isinstance(value, Mapping) else {}, key, place)


def node(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> dict[str, Any]:
    """Draw a node inside a node: its kind, and the form of that kind."""
    labels = dict(field.options)
    given = value if isinstance(value, Mapping) else {}
    with st.container(border=True, gap="small"):
        seed(key, given.get("kind") if given.get("kind") in labels else next(iter(labels), None))
        name = st.selectbox(
            field.label,
            list(labels),
            format_func=lambda kind: labels.get(kind, kind),
            key=key,
            help=field.help or None,
        )
        kind = all_kinds().get(name or "")
        if name is None or kind is None:
            return {}
        config = given if given.get("kind") == name else kind.initial
        return {"kind": name, **place.draw_form(kind.form, config, f"{key}_{name}", place.body())}


def _rows(
    field: FormField, columns: tuple[FormField, ...], value: Any, key: str, place: Place
) -> list[dict[str, Any]]:
    given = [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []
    memory, next_one = f"{key}_rows", f"{key}_next"
    # Rows keep their numbers, and with them their widgets, when others are removed.
    seed(memory, list(range(len(given) or int(field.is_required))))
    seed(next_one, len(st.session_state[memory]))
    st.markdown(f"**{field.label}**", help=field.help or None)
    typed: list[dict[str, Any]] = []
    for entry, number in enumerate(st.session_state[memory], 1):
        with st.container(border=True, gap="small", key=f"{key}_{number}"):
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.caption(f"{entry}", width="content")
                st.button(
                    "Remove",
                    icon=":material/close:",
                    type="tertiary",
                    key=f"{key}_{number}_remove",
                    on_click=_remove,
                    args=(memory, number),
                )
            row = given[number] if number < len(given) else {}
            typed.append(place.draw_form(columns, row, f"{key}_{number}", place))
    st.button(
        f"Add to {field.label.lower()}",
        icon=":material/add:",
        key=f"{key}_add",
        on_click=_add,
        args=(memory, next_one),
        disabled=field.maximum is not None and len(typed) >= field.maximum,
    )
    return [row for row in typed if row]


def _add(memory: str, next_one: str) -> None:
    st.session_state[memory] = [*st.session_state[memory], st.session_state[next_one]]
    st.session_state[next_one] += 1


def _remove(memory: str, number: int) -> None:
    st.session_state[memory] = [one for one in st.session_state[memory] if one != number]
