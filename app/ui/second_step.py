"""The second step of signing in: a code of the authenticator app, or a recovery code."""

from __future__ import annotations

import streamlit as st

from app import session
from app.feedback import reporting
from core.errors import SecondStepOver

OVER = "second_step"  # the notice of app.ui.sign_in for a step that is over


def draw(next_path: str) -> None:
    """Ask for a code; on success go to ``next_path``."""
    with st.form("second_step_form"):
        st.subheader("Two-factor sign-in", anchor=False)
        typed = st.text_input(
            "Code",
            max_chars=40,
            autocomplete="one-time-code",
            help="Six digits of your authenticator app, or one of your recovery codes.",
            key="second_step_code",
        )
        submitted = st.form_submit_button("Continue", key="second_step_continue")
    if submitted:
        with reporting():
            try:
                session.finish_sign_in(typed, next_path)
            except SecondStepOver:
                session.leave_second_step()
                st.query_params["notice"] = OVER
                st.rerun()
    st.caption("No access to the app? Type a recovery code. Without one, ask an administrator for a reset.")
    st.button("Back", key="second_step_back", type="tertiary", on_click=session.leave_second_step)
