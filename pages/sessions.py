"""Sessions: where somebody is signed in, and ending it."""

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.ui import formats, layout
from core.accounts.models import SessionInfo

core = runtime.get_core()
user = session.current_user()
token = session.current_token()


def row(info: SessionInfo) -> None:
    """Draw one session."""
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(f"**{info.device}**", width="content")
                if info.is_current:
                    st.badge("This browser", color="green", icon=":material/check:")
            st.caption(
                f"{info.address or 'unknown address'} · signed in {formats.ago(info.created_at)} · "
                f"last seen {formats.ago(info.last_seen_at)}"
            )
        if not info.is_current and st.button("End", icon=":material/logout:", key=f"sessions_end_{info.id}"):
            with reporting():
                core.sessions.end(user, info.id)
                done("The session was ended.")
                st.rerun()


sessions = core.sessions.list(user, token)
with layout.header("Sessions", "Where you are signed in. End what you do not recognise, and change your password."):
    if len(sessions) > 1 and st.button("End all others", icon=":material/logout:", key="sessions_end_others"):
        with reporting():
            count = core.sessions.end_others(user, token)
            done(f"{count} other session(s) were ended.")
            st.rerun()
for info in sessions:
    row(info)
