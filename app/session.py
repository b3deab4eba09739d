"""Who is signed in, asked of the database on every rerun; and the way in and out."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import runtime, state
from app.http.cookie import browser_in, token_in
from app.http.secret import cookie_secret
from core.accounts.models import User


def signed_in_user() -> User | None:
    """Return whose session this browser has; Streamlit's own session id is never trusted for it."""
    return runtime.get_core().accounts.session_user(_token())


def current_user() -> User:
    """Return who is signed in; only pages behind the gate of ``app.shell`` may ask."""
    user = signed_in_user()
    if user is None:
        raise RuntimeError("a page was drawn without its gate")
    return user


def sign_in(user: User, next_path: str) -> None:
    """Open a session: by a one-time ticket and a cookie, or for this tab where there are no routes."""
    accounts = runtime.get_core().accounts
    browser = browser_in(st.context.cookies)
    if runtime.routes_are_there() and browser:
        ticket = accounts.issue_ticket(user, browser)
        redirect("/session/redeem?" + urlencode({"ticket": ticket, "next": next_path}))
        st.stop()
    token = accounts.start_session(user, st.context.headers.get("User-Agent", ""))
    st.session_state[state.TAB_SESSION] = (token, browser)
    st.rerun()


def sign_out() -> None:
    """End the session."""
    if state.TAB_SESSION in st.session_state:
        token, _ = st.session_state.pop(state.TAB_SESSION)
        runtime.get_core().accounts.end_session(token)
        st.rerun()
    redirect("/session/logout")
    st.stop()


def redirect(path: str) -> None:
    """Send the browser to one of our routes, as ``st.login`` does it: the page sets its location."""
    context = get_script_run_ctx()
    if context is not None:
        message = ForwardMsg()
        message.auth_redirect.url = path
        context.enqueue(message)


def _token() -> str | None:
    if state.TAB_SESSION in st.session_state:
        token, browser = st.session_state[state.TAB_SESSION]
        # Whoever copies a Streamlit session id does not have the browser's cookie.
        return token if browser == browser_in(st.context.cookies) else None
    return token_in(st.context.cookies, cookie_secret())
