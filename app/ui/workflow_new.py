"""The dialog that makes a workflow."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime, session
from app.feedback import reporting
from app.guarded import guarded
from core.accounts.models import User
from core.workflows.models import MAX_NAME


@st.dialog("New workflow")
@guarded
def new() -> None:
    """Ask for a name and a department; it opens at once."""
    actor = session.current_user()
    with st.form("workflows_new_form", border=False):
        name = st.text_input("Name", max_chars=MAX_NAME, key="workflows_new_name", placeholder="Invoice approval")
        department = choose_department(actor, "workflows_new_department")
        submitted = st.form_submit_button("Make workflow", type="primary", key="workflows_new_save")
    if submitted:
        with reporting():
            made = runtime.get_core().workflows.create(actor, name, department)
            navigation.go(navigation.WORKFLOW, id=made.id)


def choose_department(actor: User, key: str, present: str | None = None) -> str:
    """Draw the choice of a department; the actor's own comes first."""
    names = {one.slug: one.name for one in runtime.get_core().departments.all()}
    wanted = present or actor.department
    slugs = list(names)
    return st.selectbox(
        "Department",
        slugs,
        index=slugs.index(wanted) if wanted in slugs else 0,
        format_func=names.__getitem__,
        key=key,
    )
