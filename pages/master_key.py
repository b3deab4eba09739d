"""Master key: what is sealed with which one, and the way to a new one."""

import streamlit as st

from app import runtime, session
from app.ui import answer, formats, layout, master_key_view
from core.master_keys.models import COMMAND_LINE

core = runtime.get_core()
user = session.current_user()
status = core.master_keys.status(user)
can_rotate = status.is_in_file or status.done < status.total

with layout.header("Master key", "Seals every stored secret. It is never in the database."):
    st.button("Refresh", icon=":material/refresh:", key="master_key_refresh")
    if st.button(
        "Rotate",
        type="primary",
        icon=":material/autorenew:",
        key="master_key_rotate",
        disabled=status.is_rotating or not can_rotate,
    ):
        master_key_view.confirm_rotation(status)
if status.is_rotating:
    master_key_view.progress(status)
elif not can_rotate:
    master_key_view.how_to_add(status)
elif status.done < status.total:
    left = status.total - status.done
    st.warning(f"{left:,} of {status.total:,} secrets are sealed with an older key. Rotate to seal them anew.")
for key in status.shown:
    if key.state == "lost":
        st.warning(
            f"Key {key.number} was lost. What is still to be entered again is in its column below.",
            icon=":material/key_off:",
        )
master_key_view.keys(status)
if status.rotation is not None:
    by = "from the command line"
    if status.rotation.started_by != COMMAND_LINE:
        by = f"by {answer.harmless(status.rotation.started_by)}"
    finished = status.rotation.finished_at
    st.caption(
        f"Last rotated {formats.ago(finished)} {by}."
        if finished
        else f"Started {formats.ago(status.rotation.started_at)} {by}."
    )
st.subheader("What is sealed", anchor=False)
master_key_view.secrets(status)
