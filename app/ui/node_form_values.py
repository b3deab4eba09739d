"""Fields that take values of other nodes: pickers of what is upstream, and texts with ``{{path}}`` in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.ui import answer
from app.ui.node_form_place import Place, seed
from core.engine.forms import FormField

# A template of at most so many characters has one line.
ONE_LINE = 2000
NOTHING = "Nothing comes before this node yet"


def template(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str:
    """Draw a text in which upstream values can be put."""
    is_line = field.maximum is not None and field.maximum <= ONE_LINE
    most = int(field.maximum) if field.maximum is not None else None
    return template_text(field.label, value, key, place, about=field.help, is_line=is_line, most=most)


def template_text(
    label: str,
    value: Any,
    key: str,
    place: Place,
    *,
    about: str = "",
    is_line: bool = False,
    most: int | None = None,
) -> str:
    """Draw a text in which upstream values can be put, in one line or in several."""
    seed(key, value if isinstance(value, str) else "")
    with st.container(gap=None):
        if is_line:
            text = st.text_input(label, key=key, help=about or None, max_chars=most)
        else:
            text = st.text_area(label, key=key, help=about or None, max_chars=most, height=110)
        put_in(key, place, label)
    return text


def put_in(key: str, place: Place, label: str) -> None:
    """Draw the picker that appends ``{{path}}`` to the text of the widget ``key``."""
    if not place.offers:
        return
    picker = f"{key}_put"
    st.menu_button(
        "Put in a value",
        list(place.offers),
        key=picker,
        icon=":material/data_object:",
        type="tertiary",
        format_func=lambda path: answer.harmless(place.value_name(path)),
        on_click=_append,
        args=(key, picker),
        help=f"Adds a value of the workflow to {label}.",
    )


def reference(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> str | None:
    """Draw the choice of one upstream value; a path into one may be typed."""
    given = value if isinstance(value, str) and value else None
    seed(key, given)
    chosen = st.selectbox(
        field.label,
        _paths(place, [st.session_state[key]]),
        None,
        format_func=place.value_name,
        accept_new_options=True,
        key=key,
        help=field.help or None,
        placeholder="Choose a value" if place.offers else NOTHING,
    )
    return _as_path(place, chosen) if chosen else None


def references(field: FormField, value: Any, key: str, place: Place, above: Mapping[str, Any]) -> list[str]:
    """Draw the choice of several upstream values."""
    seed(key, [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else [])
    chosen = st.multiselect(
        field.label,
        _paths(place, st.session_state[key]),
        format_func=place.value_name,
        accept_new_options=True,
        key=key,
        help=field.help or None,
        select_all=False,
        placeholder="Choose values" if place.offers else NOTHING,
    )
    return [_as_path(place, one) for one in chosen]


def _paths(place: Place, chosen: list[str | None]) -> list[str]:
    """Return what is in reach, and what was chosen before it went out of reach."""
    return list(dict.fromkeys([*place.offers, *(path for path in chosen if path)]))


def _as_path(place: Place, typed: str) -> str:
    """Return the path that was meant: people type what a value is called, and braces around a path."""
    typed = typed.strip().removeprefix("{{").removesuffix("}}").strip()
    if typed in place.offers:
        return typed
    meant = [path for path, offer in place.offers.items() if offer.title.casefold() == typed.casefold()]
    return meant[0] if meant else typed


def _append(key: str, picker: str) -> None:
    path = st.session_state.get(picker)
    if path:
        text = str(st.session_state.get(key) or "")
        gap = "" if not text or text[-1].isspace() else " "
        st.session_state[key] = f"{text}{gap}{{{{{path}}}}}"
