"""Workflows: the list."""

import streamlit as st

from app import runtime, session
from app.ui import layout, rights, workflow_new, workflow_rows
from core.workflows.models import WorkflowFilter

core = runtime.get_core()
user = session.current_user()


def new_button(key: str) -> None:
    """Draw the way to a new workflow."""
    if rights.may(user, "agents.edit") and st.button(
        "New workflow", type="primary", icon=":material/add:", key=key
    ):
        workflow_new.new()


has_any = bool(core.workflows.list(user) or core.workflows.list(user, WorkflowFilter(is_archived=True)))
with layout.header("Workflows"):
    if has_any:
        workflow_new.import_button(user)
        new_button("workflows_new")
rights.explain(user, "agents.edit", "runs.start")

if not has_any:
    layout.empty(
        ":material/account_tree:",
        "No workflows yet",
        "A workflow lets agents, tools and people work on something one after the other. Samples show how.",
        lambda: new_button("workflows_first"),
    )
    st.stop()

departments = {department.slug: department.name for department in core.departments.all()}
search, which, what = st.columns([5, 3, 2], vertical_alignment="center")
words = search.text_input(
    "Search",
    placeholder="Search by name or description",
    label_visibility="collapsed",
    key="workflows_search",
    bind="query-params",
)
department = which.selectbox(
    "Department",
    list(departments),
    None,
    format_func=departments.__getitem__,
    placeholder="All departments",
    label_visibility="collapsed",
    key="workflows_department",
    bind="query-params",
)
is_archived = what.toggle("Archived", key="workflows_archived", bind="query-params")
shown = core.workflows.list(user, WorkflowFilter(is_archived, words, department))
if not shown:
    st.caption("No archived workflow matches." if is_archived else "No workflow matches your search.")
for workflow in shown:
    workflow_rows.row(user, workflow, departments)
