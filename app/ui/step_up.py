"""Asks the person in front to confirm that it is them, in the place of what they wanted to do.

Drawn at the top of a dialog or a part of a page::

    actor = step_up.confirmed("keys_new")
    if actor is None:
        return
"""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.ui import passkeys
from core.accounts.models import User
from core.accounts.proof import is_recent_proof


def confirmed(key: str) -> User | None:
    """Return who is signed in, with a recent proof; None while it is being asked for. ``key`` names the place."""
    user = session.current_user()
    if is_recent_proof(user):
        return user
    place = st.empty()
    with place.container():
        is_proven = _ask(user, key)
    if not is_proven:
        return None
    place.empty()
    return session.current_user()


def _ask(user: User, key: str) -> bool:
    core = runtime.get_core()
    has_code, has_password = core.two_factor.has_app(user), core.accounts.has_password(user)
    st.markdown("**Please confirm that it is you.**")
    st.caption("You signed in a while ago, and this changes what protects your account.")
    if core.passkeys.list(user):
        passkeys.confirm_button(key)
    if not (has_code or has_password):
        # They came by a provider: only signing in there again proves anything.
        if st.button("Sign in again", type="primary", key=f"{key}_step_up_again"):
            session.sign_out()
        return False
    label = " or ".join(
        name for name, there in (("Password", has_password), ("code of your app", has_code)) if there
    )
    with st.form(f"{key}_step_up", border=False):
        typed = st.text_input(
            label.capitalize(),
            type="password",
            autocomplete="current-password" if has_password else "one-time-code",
            key=f"{key}_step_up_secret",
        )
        submitted = st.form_submit_button("Confirm", type="primary", key=f"{key}_step_up_confirm")
    if submitted:
        with reporting():
            session.prove(user, typed)
            return True
    return False
