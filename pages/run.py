"""One run: watch it, cancel it, read its answer, try it again."""

import streamlit as st

from app import navigation, runtime, session
from app.feedback import reporting
from app.ui import layout, rights, run_view
from core.errors import NotFound

core = runtime.get_core()
user = session.current_user()

try:
    run = core.runs.get(user, st.query_params.get("id", ""))
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    navigation.link(navigation.RUNS, "All runs", icon=":material/arrow_back:")
    st.stop()

with layout.header(run.title):
    if run.agent_id:
        navigation.link(navigation.AGENT, "Open the agent", icon=":material/smart_toy:", id=run.agent_id)
    if run.is_active and st.button(
        "Cancel run", icon=":material/stop_circle:", key="run_cancel", disabled=run.is_stopping
    ):
        with reporting():
            core.runs.cancel(user, run.id)
            st.rerun()
    can_retry = run.can_be_retried and rights.may(user, "runs.start")
    retry = can_retry and st.button("Retry", icon=":material/replay:", key="run_retry")

if retry:
    with reporting():
        navigation.go(navigation.RUN, id=core.runs.retry(user, run.id).id)

run_view.draw_live(user, run.id)
