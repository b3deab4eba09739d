"""Two runs side by side: a from the one, b from the other."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import layout, run_compare
from core.errors import NotFound

core = runtime.get_core()
user = session.current_user()

try:
    left, right = (run_compare.side(user, st.query_params.get(name, "")) for name in ("a", "b"))
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    navigation.link(navigation.RUNS, "All runs", icon=":material/arrow_back:")
    st.stop()

with layout.header("Compare two runs"):
    navigation.link(navigation.RUNS, "All runs", icon=":material/play_circle:")
run_compare.draw(left, right)
