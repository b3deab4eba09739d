"""Workers: who executes runs, and how much waits."""

import streamlit as st

from app import runtime, session
from app.ui import formats, layout
from app.ui.worker_state import describe_worker

core = runtime.get_core()
user = session.current_user()

with layout.header("Workers"):
    st.button("Refresh", icon=":material/refresh:", key="workers_refresh")

backlog = core.runs.backlog(user)
workers = core.runs.live_workers(user)
state, about = describe_worker()
with layout.metric_row("workers_metrics"):
    st.metric("Worker", state, border=True, help=about)
    st.metric("Queued", f"{backlog.queued:,}", border=True)
    st.metric("Running", f"{backlog.running:,}", border=True)
    st.metric("Oldest queued", formats.ago(backlog.oldest_queued_at) if backlog.queued else "–", border=True)
st.caption(about)
if not workers:
    layout.empty(":material/memory:", "No worker is alive now", "A worker appears here while it executes runs.")
    st.stop()
st.dataframe(
    [
        {
            "Host": worker.host,
            "Process": worker.pid,
            "Kind": "embedded" if worker.is_embedded else "started by hand",
            "Since": worker.started_at,
            "Last heartbeat": worker.heartbeat_at,
        }
        for worker in workers
    ],
    hide_index=True,
    key="workers_table",
    column_config={
        "Process": st.column_config.NumberColumn(format="%d"),
        "Since": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=st.context.timezone),
        "Last heartbeat": st.column_config.DatetimeColumn(
            format="YYYY-MM-DD HH:mm:ss", timezone=st.context.timezone
        ),
    },
)
