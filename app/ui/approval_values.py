"""Shows the values that an approval is about. They come from models and from outside: nothing in them is live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app.ui import answer
from core.approvals.editing import type_of
from core.approvals.models import Shown

ROWS_SHOWN = 200
COLUMNS_SHOWN = 20


def draw(shown: Sequence[Shown]) -> None:
    """Draw values, each under its name."""
    with st.container(border=True, key="approval_data"):
        for position, one in enumerate(shown):
            with st.container(gap="xsmall"):
                st.caption(f"**{answer.harmless(one.name)}**")
                value(one.value, f"approval_value_{position}")


def value(found: Any, key: str) -> None:
    """Draw one value by its type: text, a table, fields, a file or a tree."""
    kind = type_of(found)
    if found is None or found in ("", [], {}):
        st.caption("empty")
    elif kind == "file":
        _file(found, key)
    elif kind in ("boolean", "number"):
        st.markdown(_cell(found))
    elif isinstance(found, str):
        answer.draw(found)
    elif is_table(found):
        columns = list(dict.fromkeys(name for row in found for name in row))[:COLUMNS_SHOWN]
        st.dataframe({name: _column(found[:ROWS_SHOWN], name) for name in columns}, hide_index=True, key=key)
        if len(found) > ROWS_SHOWN:
            st.caption(f"The first {ROWS_SHOWN} of {len(found):,} rows.")
    elif isinstance(found, Mapping) and _is_flat(found):
        _fields(found)
    elif isinstance(found, Sequence) and all(_is_scalar(item) for item in found):
        answer.draw("\n".join(f"- {' '.join(str(item).split())}" for item in found))
    else:
        st.json(found, expanded=2)


def is_table(found: Any) -> bool:
    """Whether a value is a list of flat objects."""
    is_list = isinstance(found, Sequence) and not isinstance(found, str) and bool(found)
    return is_list and all(isinstance(row, Mapping) and row and _is_flat(row) for row in found)


def _fields(found: Mapping[str, Any]) -> None:
    for name, inner in found.items():
        with st.container(horizontal=True, gap="small", vertical_alignment="top"):
            st.caption(answer.harmless(str(name)), width=120)
            st.markdown(answer.harmless(_cell(inner)) or "–", width="stretch")


def _file(found: Mapping[str, Any], key: str) -> None:
    text = str(found["text"])
    with st.expander(answer.harmless(str(found["name"]))):
        st.text(text[: answer.FOLD_AFTER])
        if len(text) > answer.FOLD_AFTER:
            st.caption(f"It goes on: {len(text):,} characters. Download it to read the rest.")
    # As plain text whatever it says it is: a browser opens nothing of it.
    st.download_button("Download", text, "file.txt", "text/plain", icon=":material/download:", key=f"{key}_file")


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return a column of a table: numbers if there is nothing else in it, so that they stand in line."""
    cells = [row.get(name) for row in rows]
    numbers = all(cell is None or type_of(cell) == "number" for cell in cells)
    return cells if numbers else [_cell(cell) for cell in cells]


def _cell(found: Any) -> str:
    if isinstance(found, bool):
        return "Yes" if found else "No"
    if isinstance(found, int | float):
        return f"{found:,}"
    return "" if found is None else str(found)


def _is_flat(found: Mapping[str, Any]) -> bool:
    return all(_is_scalar(inner) for inner in found.values())


def _is_scalar(found: Any) -> bool:
    return found is None or (isinstance(found, str | int | float) and len(str(found)) <= 2000)
