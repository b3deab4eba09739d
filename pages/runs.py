"""Runs: the list."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import layout
from core.runs.models import ACTIVE, RunFilter

LIMIT = 100
FILTERS = {
    "All": None,
    "Active": ACTIVE,
    "Succeeded": {"succeeded"},
    "Failed": {"failed"},
    "Cancelled": {"cancelled"},
}

core = runtime.get_core()
user = session.current_user()


def choose_agent() -> None:
    """Draw the way to a first run."""
    if st.button("Choose an agent to run", type="primary", key="runs_first"):
        navigation.go(navigation.AGENTS)


with layout.header("Runs"):
    pass
runs = core.runs.list(user, limit=LIMIT)
if not runs:
    about = "Every run of your agents and workflows appears here."
    layout.empty(":material/play_circle:", "No runs yet", about, choose_agent)
    st.stop()

workflows = {run.workflow_id: run.title for run in reversed(runs) if run.workflow_id}
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    wanted = st.segmented_control(
        "Status", list(FILTERS), default="All", required=True, label_visibility="collapsed", key="runs_status"
    )
    workflow_id = None
    if workflows:
        workflow_id = st.selectbox(
            "Workflow",
            [None, *workflows],
            format_func=lambda one: workflows.get(one, "All agents and workflows"),
            label_visibility="collapsed",
            key="runs_workflow",
            width=280,
        )
if workflow_id is not None:
    runs = core.runs.page(user, RunFilter(workflow_id=workflow_id), limit=LIMIT).items
states = FILTERS[wanted]
shown = [run for run in runs if states is None or run.status in states]
if shown:
    layout.run_rows(shown)
else:
    st.caption("No run is in this state.")
if len(runs) == LIMIT:
    st.caption(f"The newest {LIMIT} runs are shown.")
