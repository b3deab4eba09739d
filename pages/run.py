"""One run: watch it, cancel it, read its answer, try it again, share it."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import layout, run_head, run_view
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
    run_head.actions(user, run)
run_head.origin(user, run)
run_view.draw_live(user, run.id)
