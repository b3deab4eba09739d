"""Shows what came into a run and out of it. Nothing in it is live, and files are only downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.ui import answer, approval_values
from core.approvals.editing import type_of
from core.engine.nodes.output import clean_file_name


def named(values: Mapping[str, Any], key: str) -> None:
    """Draw values, each under its name."""
    for position, (name, value) in enumerate(values.items()):
        with st.container(gap="xsmall"):
            st.caption(f"**{answer.harmless(name)}**")
            draw(value, f"{key}_{position}")


def draw(value: Any, key: str) -> None:
    """Draw one value by its type; a file has its name when it is downloaded, and is plain text whatever it says."""
    if type_of(value) != "file":
        approval_values.value(value, key)
        return
    name, text = str(value["name"]), str(value["text"])
    stem, _, ending = name.rpartition(".")
    with st.expander(answer.harmless(name)):
        st.text(text[: answer.FOLD_AFTER])
        if len(text) > answer.FOLD_AFTER:
            st.caption(f"It goes on: {len(text):,} characters. Download it to read the rest.")
    safe = f"{clean_file_name(stem) or 'file'}.{clean_file_name(ending) or 'txt'}"
    st.download_button("Download", text, safe, "text/plain", icon=":material/download:", key=f"{key}_file")
