"""Approvals: what waits for somebody's yes or no, what was decided, and what they have asked themselves."""

import streamlit as st

from app import runtime, session
from app.ui import approval_rows, layout
from core.approvals.models import STATUSES, Filter

VIEWS = {
    "Waiting": (Filter(frozenset({"open"})), "Nothing waits for you."),
    "Decided": (
        Filter(frozenset(STATUSES) - {"open"}),
        "Nothing was decided yet of what you are asked.",
    ),
    "Asked by me": (Filter(asked=True), "None of your runs has asked anybody yet."),
}

core = runtime.get_core()
user = session.current_user()

with layout.header("Approvals"):
    pass
everything = (Filter(), Filter(asked=True))
if not any(core.approvals.list(user, wanted, limit=1).items for wanted in everything):
    layout.empty(
        ":material/how_to_reg:",
        "No approvals yet",
        "A workflow can stop and ask: whoever is named there, or a role or department, sees what it is about, what "
        "it has cost so far, and approves or rejects it here.",
    )
    st.stop()

chosen = st.segmented_control(
    "Which",
    list(VIEWS),
    default="Waiting",
    required=True,
    label_visibility="collapsed",
    key="approvals_view",
    bind="query-params",
)
approval_rows.live(*VIEWS[chosen])
