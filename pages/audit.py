"""Audit: who did what, from where, with which result."""

from datetime import timedelta

import streamlit as st

from app import runtime, session
from app.ui import audit_export, layout
from core import clock
from core.audit.models import LIST_LIMIT

PERIODS = {"1 day": 1, "7 days": 7, "30 days": 30, "1 year": 366}
ANY = "Every action"

core = runtime.get_core()
user = session.current_user()

with layout.header("Audit", "Entries are only ever added, each sealed to the one before."):
    verifies = st.button(
        "Verify", icon=":material/verified:", key="audit_verify", help="Checks every entry's seal."
    )
if verifies:
    with st.spinner("Checking every entry …"):
        check = core.audit.check(user)
    if check.problem is None and check.unchecked:
        st.warning(check.sentence, icon=":material/key_off:")
    elif check.problem is None:
        st.success(check.sentence, icon=":material/verified:")
    else:
        st.error(f"{check.sentence} Compare it with a backup and the log stream.", icon=":material/gpp_bad:")
period = st.segmented_control(
    "Period", list(PERIODS), default="7 days", required=True, label_visibility="collapsed", key="audit_period"
)
left, right = st.columns([2, 1])
words = left.text_input(
    "Search",
    placeholder="Search by person, action, object, address, result or request",
    label_visibility="collapsed",
    key="audit_search",
)
action = right.selectbox(
    "Action", [ANY, *core.audit.actions(user)], label_visibility="collapsed", key="audit_action"
)
filters = audit_export.Filters(PERIODS[period], words, "" if action == ANY else action)
until = clock.now()
entries = core.audit.search(user, until - timedelta(days=filters.days), until, filters.words, filters.action)
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
            "On behalf of": entry.on_behalf_of,
            "Address": entry.address,
            "Details": ", ".join(f"{name}: {value}" for name, value in entry.detail.items()),
            "Request": entry.request_id,
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
    audit_export.button(user, filters)
