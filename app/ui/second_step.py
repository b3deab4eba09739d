"""The second step of signing in: a passkey, a code of the authenticator app, or a recovery code."""

from __future__ import annotations

import streamlit as st

from app import session
from app.feedback import reporting
from app.ui import passkeys
from core.errors import SecondStepOver

OVER = "second_step"  # the notice of app.ui.sign_in for a step that is over


def draw(next_path: str) -> None:
    """Ask for a second factor; on success go to ``next_path``."""
    try:
        steps = session.second_steps()
    except SecondStepOver:
        _over()
        return
    if steps.has_app:
        _code_form(next_path)
    else:
        st.subheader("Two-factor sign-in", anchor=False)
        st.caption("Your password was right. Now confirm with your passkey.")
    if steps.has_passkey:
        _passkey_button(next_path, is_only=not steps.has_app)
    if steps.has_app:
        st.caption("No access to the app? Type a recovery code. Without one, ask an administrator for a reset.")
    else:
        st.caption("Lost your passkey? Ask an administrator for a reset.")
    st.button("Back", key="second_step_back", type="tertiary", on_click=session.leave_second_step)


def _code_form(next_path: str) -> None:
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
                _over()


def _passkey_button(next_path: str, *, is_only: bool) -> None:
    problem = passkeys.why_not()
    if problem is None:
        if st.button(
            "Use a passkey",
            icon=passkeys.ICON,
            type="primary" if is_only else "secondary",
            width="stretch",
            key="second_step_passkey",
        ):
            passkeys.go("second-step", next_path, session.second_step_token())
    elif is_only:
        st.info(f"Your passkey cannot be used here. {problem}", icon=":material/info:")


def _over() -> None:
    session.leave_second_step()
    st.query_params["notice"] = OVER
    st.rerun()
