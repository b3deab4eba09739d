"""The fields that a workflow asks for when it starts, by their types: when it is run, and when it is scheduled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st

from core.engine.values import Field, as_text


def draw(fields: Sequence[Field], key: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Draw a field for each thing; return what was typed by name. ``given`` is what stands in them at first."""
    if not fields:
        st.caption("This workflow asks for nothing.")
    return {field.name: _input(field, f"{key}_{field.name}", (given or {}).get(field.name)) for field in fields}


def _input(field: Field, key: str, given: Any) -> Any:
    label = field.name if field.is_required else f"{field.name} (optional)"
    about, text = field.help or None, as_text(given)
    match field.type:
        case "number":
            return st.text_input(label, text, key=key, help=about, placeholder="5000 or 12.5")
        case "boolean":
            words = {True: "Yes", False: "No"}
            return st.segmented_control(
                label, list(words), default=given, format_func=words.__getitem__, key=key, help=about
            )
        case "date":
            chosen = st.date_input(label, text[:10] or None, key=key, help=about, format="YYYY-MM-DD")
            return chosen.isoformat() if isinstance(chosen, date) else None
        case "list":
            return as_list(
                st.text_area(label, text, key=key, help=about, placeholder="One entry a line", height=110)
            )
        case "object":
            return st.text_area(label, text, key=key, help=about, placeholder='{"name": "value"}', height=110)
    return st.text_area(label, text, key=key, help=about, height=110)


def as_list(text: str) -> str | list[str]:
    """Return JSON as it was typed; else one entry for each line that has something in it."""
    if text.strip().startswith("["):
        return text
    return [line.strip() for line in text.splitlines() if line.strip()] or ""
