"""Runs: the list."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import layout
from core.runs.models import ACTIVE

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
    layout.empty(":material/play_circle:", "No runs yet", "Every run of your agents appears here.", choose_agent)
    st.stop()

wanted = st.segmented_control(
    "Status", list(FILTERS), default="All", required=True, label_visibility="collapsed", key="runs_status"
)
states = FILTERS[wanted]
shown = [run for run in runs if states is None or run.status in states]
if shown:
    layout.run_rows(shown)
else:
    st.caption("No run is in this state.")
if len(runs) == LIMIT:
    st.caption(f"The newest {LIMIT} runs are shown.")
