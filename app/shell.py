"""The script of every rerun: who is it, may they, and then the page they asked for."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

import streamlit as st

from app import navigation, runtime, session, state
from app.feedback import show_notice
from app.guarded import watch
from app.ui import passkeys, sign_in, theme, two_factor_panel
from core.accounts.models import User
from core.config import ROOT
from core.errors import CoreError, Forbidden

ASSETS = ROOT / "app" / "ui" / "assets"


def run() -> None:
    """Draw one rerun."""
    st.set_page_config(page_title="Zoark", page_icon=str(ASSETS / "mark.svg"), layout="wide")
    theme.apply()
    try:
        runtime.get_core()
    except CoreError as error:
        st.error(f"Zoark cannot start. {error.sentence}", icon=":material/error:")
        st.stop()
    session.note_origin()
    user = session.signed_in_user()
    must_enrol = user is not None and runtime.get_core().two_factor.must_enrol(user)
    has_menu = user is not None and not must_enrol
    waiting = runtime.get_core().approvals.waiting_count(user) if user and has_menu else 0
    sections = navigation.sections(user, waiting)
    page = st.navigation(sections, position="sidebar" if has_menu else "hidden", expanded=True)
    entry = navigation.entry_at(page.url_path)
    if user is None:
        if entry.is_public:
            page.run()
        else:
            sign_in.draw(_wanted_path(page.url_path))
        return
    st.session_state.pop(state.NEXT_PATH, None)
    st.session_state[state.ROLE] = user.role
    _sidebar(user)
    passkeys.take_notice()
    show_notice()
    if must_enrol:
        two_factor_panel.demand(user)
        return
    if not entry.is_open_to(user):
        st.title(entry.title, anchor=False)
        st.error(Forbidden().sentence, icon=":material/block:")
        return
    page.run()


def _sidebar(user: User) -> None:
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "mark.svg"), size="large")
    with st.sidebar:
        st.html(
            f"<div style='font-weight:600;overflow-wrap:anywhere'>{escape(user.name)}</div>"
            f"<div style='opacity:.65;font-size:.85em;overflow-wrap:anywhere'>{escape(user.email)}</div>"
        )
        watch()
        if st.button("Sign out", key="shell_sign_out", icon=":material/logout:", type="tertiary"):
            session.sign_out()


def _wanted_path(url_path: str) -> str:
    """Return the address the visitor asked for, kept while they sign in."""
    pairs = [
        (k, v)
        for k in st.query_params
        for v in st.query_params.get_all(k)
        if k not in ("notice", state.SECOND_STEP)
    ]
    if url_path or pairs or state.NEXT_PATH not in st.session_state:
        st.session_state[state.NEXT_PATH] = f"/{url_path}" + (f"?{urlencode(pairs)}" if pairs else "")
    return str(st.session_state[state.NEXT_PATH])
