"""A workflow as a row of the list, and the chips that say how far it is."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import navigation
from app.ui import answer, formats, rights
from core.accounts.models import User
from core.workflows.models import Workflow


def row(actor: User, workflow: Workflow, departments: Mapping[str, str]) -> None:
    """Draw one workflow, a link to its page."""
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            navigation.link(navigation.WORKFLOW, f"**{answer.harmless(workflow.name)}**", id=workflow.id)
            owner = "" if workflow.access.is_owner else f"{workflow.access.owner_name}’s · "
            department = departments.get(workflow.department, workflow.department)
            st.caption(answer.harmless(f"{owner}{department} · changed {formats.ago(workflow.updated_at)}"))
        chip(workflow)
        if _can_run(actor, workflow) and st.button(
            "Run", icon=":material/play_arrow:", key=f"workflows_run_{workflow.id}"
        ):
            navigation.go(navigation.WORKFLOW, id=workflow.id, view="Run")


def chip(workflow: Workflow) -> None:
    """Draw the one word for how far a workflow is."""
    if workflow.archived_at is not None:
        st.badge("Archived", icon=":material/inventory_2:", color="gray")
    elif workflow.published_version is None:
        st.badge("Draft", icon=":material/edit_note:", color="orange")
    else:
        st.badge(f"Published v{workflow.published_version}", icon=":material/check_circle:", color="green")


def _can_run(actor: User, workflow: Workflow) -> bool:
    is_ready = workflow.published_version is not None and workflow.archived_at is None
    return is_ready and workflow.access.reaches("run") and rights.may(actor, "runs.start")
