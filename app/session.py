"""Who is signed in, asked of the database on every rerun; and the way in and out."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import runtime, state
from app.http.cookie import browser_in, half_in, invitation_in, token_in
from app.http.origin import client_address
from app.http.secret import cookie_secret
from core.accounts.models import User
from core.audit.origin import set_origin
from core.two_factor.models import SecondSteps


def signed_in_user() -> User | None:
    """Return whose session this browser has; Streamlit's own session id is never trusted for it."""
    return runtime.get_core().accounts.session_user(current_token())


def note_origin() -> None:
    """Tell the core where this run of the script comes from. Every run may have a thread of its own."""
    headers = st.context.headers
    # Streamlit calls a visitor on this machine None.
    address = client_address(
        st.context.ip_address or "127.0.0.1",
        ",".join(headers.get_all("X-Forwarded-For")),
        trust_proxy=runtime.get_core().settings.trust_proxy,
    )
    set_origin(address, headers.get("User-Agent", ""))


def check_in() -> None:
    """Do for a fragment what the shell does for a page; draw everything anew when the visitor's rights changed.

    It is no sign of life: fragments rerun by themselves.
    """
    note_origin()
    user = runtime.get_core().accounts.session_user(current_token(), is_activity=False)
    if user is None or user.role != st.session_state.get(state.ROLE):
        st.rerun()


def current_user() -> User:
    """Return who is signed in; only pages behind the gate of ``app.shell`` may ask."""
    user = signed_in_user()
    if user is None:
        raise RuntimeError("a page was drawn without its gate")
    return user


def sign_in(user: User, next_path: str) -> None:
    """Let somebody in whose password was right; who has a second factor is asked for it first."""
    two_factor = runtime.get_core().two_factor
    if two_factor.is_required(user):
        st.session_state[state.SECOND_STEP] = two_factor.begin_sign_in(user, _browser())
        st.rerun()
    _open_session(user, next_path)


def awaits_second_step() -> bool:
    """Whether the password was right, or a provider has vouched for somebody, and the code is awaited."""
    if state.SECOND_STEP in st.query_params:  # back from the page of passkeys
        st.session_state[state.SECOND_STEP] = st.query_params[state.SECOND_STEP]
        del st.query_params[state.SECOND_STEP]
    if state.SECOND_STEP not in st.session_state:
        # Who comes from a provider (app.http.oauth_routes) has it in the cookie, which cannot be dropped from here.
        half = half_in(st.context.cookies, cookie_secret())
        if half and runtime.get_core().two_factor.is_sign_in_begun(half, _browser()):
            st.session_state[state.SECOND_STEP] = half
    return state.SECOND_STEP in st.session_state


def second_steps() -> SecondSteps:
    """Return with what the sign-in can be finished; raises ``SecondStepOver``."""
    return runtime.get_core().two_factor.second_steps(second_step_token(), _browser())


def second_step_token() -> str:
    """Return what stands for the sign-in whose second step is awaited, in this browser only."""
    return str(st.session_state.get(state.SECOND_STEP, ""))


def finish_sign_in(typed: str, next_path: str) -> None:
    """Judge the code of the second step and open the session; raises ``CoreError`` when it is wrong."""
    user = runtime.get_core().two_factor.finish_sign_in(second_step_token(), _browser(), typed)
    leave_second_step()
    _open_session(user, next_path)


def leave_second_step() -> None:
    """End a sign-in whose code is awaited."""
    half = st.session_state.pop(state.SECOND_STEP, None)
    if half:
        runtime.get_core().two_factor.leave_sign_in(half, _browser())


def prove(user: User, typed: str) -> None:
    """Confirm by password or code that this person sits here; raises ``CoreError`` when it is wrong."""
    runtime.get_core().two_factor.prove(user, current_token(), typed)


def change_password(user: User, present: str, new: str) -> None:
    """Change one's own password; only this session stays open. Raises ``CoreError`` when it is refused."""
    runtime.get_core().mail_links.change_password(user, current_token(), present, new)


def _open_session(user: User, next_path: str) -> None:
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


def pending_invitation() -> str:
    """Return the token of the invitation that took this browser to a provider, from which it came back refused."""
    return invitation_in(st.context.cookies, cookie_secret())


def site() -> str:
    """Return the address people open: ZOARK_BASE_URL, else what this browser's address bar says."""
    here = urlsplit(st.context.url or "")
    return runtime.get_core().settings.base_url.rstrip("/") or f"{here.scheme}://{here.netloc}"


def _browser() -> str:
    return browser_in(st.context.cookies) or ""


def current_token() -> str | None:
    """Return the token of this browser's session, if it has one."""
    if state.TAB_SESSION in st.session_state:
        token, browser = st.session_state[state.TAB_SESSION]
        # Whoever copies a Streamlit session id does not have the browser's cookie.
        return token if browser == browser_in(st.context.cookies) else None
    return token_in(st.context.cookies, cookie_secret())
