"""Audit: who did what, from where, with which result."""

from datetime import timedelta

import streamlit as st

from app import runtime, session
from app.ui import layout
from core import clock
from core.audit.models import LIST_LIMIT
from core.errors import Forbidden

PERIODS = {"1 day": 1, "7 days": 7, "30 days": 30, "1 year": 366}
ANY = "Every action"

core = runtime.get_core()
user = session.current_user()
token = session.current_token()


def export() -> str:
    """Return what the page shows, and more, as CSV: on the click only, for who is signed in then."""
    actor = core.accounts.session_user(token)
    if actor is None:
        raise Forbidden
    return core.audit.export(actor, *wanted)


with layout.header(
    "Audit", "Entries are only ever added, each sealed to the one before: python -m core audit-verify"
):
    period = st.segmented_control(
        "Period", list(PERIODS), default="7 days", required=True, label_visibility="collapsed", key="audit_period"
    )
left, right = st.columns([2, 1])
words = left.text_input(
    "Search",
    placeholder="Search by person, object, address or result",
    label_visibility="collapsed",
    key="audit_search",
)
action = right.selectbox(
    "Action", [ANY, *core.audit.actions(user)], label_visibility="collapsed", key="audit_action"
)
until = clock.now()
wanted = (until - timedelta(days=PERIODS[period]), until, words, "" if action == ANY else action)
entries = core.audit.search(user, *wanted)
if not entries:
    st.caption("No entry matches.")
    st.stop()

st.dataframe(
    [
        {
            "Time": entry.at,
            "Person": entry.actor_email,
            "Action": entry.action,
            "Object": entry.object_id,
            "Result": entry.result,
            "Address": entry.address,
            "Details": ", ".join(f"{name}: {value}" for name, value in entry.detail.items()),
            "Number": entry.seq,
        }
        for entry in entries
    ],
    hide_index=True,
    key="audit_table",
    column_config={
        "Time": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=st.context.timezone)
    },
)
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.caption(
        f"{len(entries)} entries, newest first."
        if len(entries) < LIST_LIMIT
        else f"The newest {LIST_LIMIT} entries."
    )
    st.download_button(
        "Export CSV",
        export,
        file_name=f"zoark-audit-{until:%Y-%m-%d}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="audit_export",
    )
