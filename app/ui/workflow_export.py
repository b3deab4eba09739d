"""The ways to take a workflow along as a file: ours, or a project of CrewAI."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import runtime
from app.ui import answer
from core.accounts.models import User
from core.errors import CoreError
from core.workflows.interchange.models import Format
from core.workflows.models import Draft

FORMATS: Mapping[Format, str] = {"yaml": "YAML", "json": "JSON", "crewai": "CrewAI project"}


def draw(actor: User, draft: Draft) -> None:
    """Draw the choice of a form and the download, or why the form has no word for something in the workflow."""
    st.subheader("Export", anchor=False)
    st.caption("The draft, with what its agents are. No key, id or person leaves with it.")
    with st.container(horizontal=True, vertical_alignment="center"):
        form = st.segmented_control(
            "Format",
            list(FORMATS),
            default="yaml",
            format_func=FORMATS.__getitem__,
            required=True,
            label_visibility="collapsed",
            key="workflow_export_format",
        )
        try:
            exported = runtime.get_core().interchange.export(actor, draft.id, form)
        except CoreError as error:
            st.caption(f":orange[:material/error:] {answer.harmless(error.sentence)}")
            return
        st.download_button(
            "Download",
            exported.content,
            file_name=exported.name,
            mime=exported.media_type,
            icon=":material/download:",
            on_click="ignore",
            key="workflow_export",
        )
