"""Asks the person in front to confirm that it is them, before what protects accounts is changed.

Before something is drawn that only a recent proof may see::

    actor = step_up.confirmed("two_factor_enrol")
    if actor is None:
        return

When a form is sent, however long it stood open; what was typed stays in its fields meanwhile::

    step_up.carry_out("people_change", submitted, lambda actor: core.people.change(actor, …))
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.ui import passkeys
from core.accounts.models import User
from core.accounts.proof import is_recent_proof
from core.errors import StepUpRequired


def confirmed(key: str, *, open_form: str = "", keep: tuple[str, ...] = ()) -> User | None:
    """Return who is signed in, with a recent proof; None while it is being asked for. ``key`` names the place.

    Args:
        key: the beginning of the keys of the widgets.
        open_form: the key of a widget of the form behind it. A form that stands open is not taken away when the
            proof grows old; ``carry_out`` asks when it is sent.
        keep: the keys of fields whose values wait while the question stands in their place.
    """
    user = session.current_user()
    if is_recent_proof(user) or (open_form and open_form in st.session_state):
        return user
    for field in filter(st.session_state.__contains__, keep):
        # Set by hand it is no widget's value any more, and Streamlit does not drop it.
        st.session_state[field] = st.session_state[field]
    place = st.empty()
    with place.container():
        is_proven = _ask(user, key)
    if not is_proven:
        return None
    place.empty()
    return session.current_user()


def carry_out(key: str, submitted: bool, act: Callable[[User], None]) -> None:
    """Call ``act`` with who is signed in when something was sent; where that takes a recent proof, ask and go on.

    ``act`` reads what was typed from the fields, which stay drawn: nothing is kept for it elsewhere. What it raises
    as ``CoreError`` is shown.
    """
    user, place = session.current_user(), st.empty()
    if not submitted:
        # Streamlit knows a widget as long as the last run drew it: so it was asked for, and not yet given.
        was_asked = any(f"{key}_step_up_{widget}" in st.session_state for widget in ("secret", "again"))
        if not was_asked or is_recent_proof(user):
            return
        with place.container():
            is_proven = _ask(user, key)
        if not is_proven:
            return
        place.empty()
    with reporting():
        try:
            act(session.current_user())
        except StepUpRequired:
            with place.container():
                _ask(user, key)


def _ask(user: User, key: str) -> bool:
    core = runtime.get_core()
    has_code, has_password = core.two_factor.has_app(user), core.accounts.has_password(user)
    st.markdown("**Please confirm that it is you.**")
    if core.passkeys.list(user):
        passkeys.confirm_button(key)
    if not (has_code or has_password):
        # They came by a provider: only signing in there again proves anything.
        st.caption("You signed in a while ago. Sign in again, then come back.")
        if st.button("Sign in again", type="primary", key=f"{key}_step_up_again"):
            session.sign_out()
        return False
    st.caption("You signed in a while ago, and this is about what protects accounts.")
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
