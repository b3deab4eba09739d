"""The view Runs of a workflow: those of the person who looks, newest first."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.ui import layout
from core.accounts.models import User
from core.runs.models import RunFilter
from core.workflows.models import Draft

LIMIT = 50


def draw(actor: User, draft: Draft) -> None:
    """Draw the runs as rows."""
    page = runtime.get_core().runs.page(actor, RunFilter(workflow_id=draft.id), limit=LIMIT)
    if not page.items:
        st.caption("You have not run this workflow yet.")
        return
    layout.run_rows(page.items)
    if page.has_more:
        st.caption(f"Your newest {len(page.items)} runs are shown.")
