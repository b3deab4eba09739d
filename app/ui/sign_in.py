"""The screen in front of everything."""

from __future__ import annotations

from html import escape

import streamlit as st

from app import navigation, runtime, session
from app.feedback import reporting
from app.ui import passkeys, providers, second_step
from app.ui.authenticator import SignInForms
from core.errors import SecondStepOver

NOTICES = {
    "ticket": "That sign-in took too long or was opened in another browser. Please sign in again.",
    second_step.OVER: SecondStepOver().sentence,
}


def draw(next_path: str) -> None:
    """Show the forms; on success go to ``next_path``."""
    core = runtime.get_core()
    accounts, is_open = core.accounts, core.organisation.registration() == "open"
    company = core.organisation.get().company_name or "your company"
    _, middle, _ = st.columns([1, 1.6, 1])
    with middle, st.container(key="sign_in_card"):
        st.html(
            "<p style='font-size:1.9rem;font-weight:680;margin:2rem 0 0'>Zoark</p>"
            f"<p style='opacity:.7;margin:.1rem 0 .6rem'>The AI-agent desk of {escape(company)}</p>"
        )
        code = st.query_params.get("notice", "")
        notice = NOTICES.get(code) or providers.notice(code)
        if notice:
            st.info(notice, icon=":material/info:")
        if session.awaits_second_step():
            second_step.draw(next_path)
            return
        if not runtime.routes_are_there():
            st.caption("This host keeps you signed in for this browser tab only.")
        if is_open:
            mode = st.segmented_control(
                "Have an account?",
                ["Sign in", "Create an account"],
                default="Sign in",
                required=True,
                label_visibility="collapsed",
                key="sign_in_mode",
            )
        else:
            mode = "Sign in"
        forms = SignInForms(accounts)
        with reporting():
            user = forms.register() if mode == "Create an account" else forms.sign_in()
            if user is not None:
                session.sign_in(user, next_path)
        if mode == "Sign in" and core.mail.is_set_up:
            navigation.link(navigation.RESET, "Forgotten your password?")
        if mode == "Sign in":
            passkeys.sign_in_button(next_path)
        providers.sign_in_buttons(next_path)
        if not is_open:
            st.caption("No account yet? Ask an administrator for an invitation.")
