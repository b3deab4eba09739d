"""Draws a person's passkeys: add, rename, remove; a part of the page Security."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, formats, passkeys, step_up
from core.accounts.models import User
from core.accounts.proof import is_recent_proof
from core.passkeys.models import MAX_NAME, MAX_PASSKEYS, Passkey

ABOUT = (
    "Sign in with your fingerprint, your face or a PIN, in the place of password and code. "
    "Nobody can type a passkey into a wrong page."
)
ONLY_ONE = "This is your only second factor. Add another passkey or an app, in case you lose this device."


def draw(user: User) -> None:
    """Draw the list and the next steps."""
    core = runtime.get_core()
    mine, problem = core.passkeys.list(user), passkeys.why_not()
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.subheader("Passkeys", anchor=False, width="content")
            if problem is None and len(mine) < MAX_PASSKEYS:
                _add_button(user, is_first=not mine)
        if not mine:
            st.caption(ABOUT)
        for passkey in mine:
            _row(passkey)
        if problem:
            st.info(problem, icon=":material/info:")
        if len(mine) == 1 and not core.two_factor.has_app(user):
            st.caption(ONLY_ONE)
        if len(mine) >= MAX_PASSKEYS:
            st.caption(f"You have {MAX_PASSKEYS} passkeys, as many as anybody may have.")


def _row(passkey: Passkey) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap=None, width="content"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(f"**{answer.harmless(passkey.name)}**", width="content")
                if passkey.is_backed_up:
                    st.badge("Synced", color="blue", icon=":material/sync:", help="It is kept on several devices.")
            used = f"last used {formats.ago(passkey.last_used_at)}" if passkey.last_used_at else "not used yet"
            st.caption(f"added {formats.ago(passkey.created_at)} · {used}")
        with st.container(horizontal=True, gap="small", width="content"):
            if st.button("Rename", icon=":material/edit:", key=f"passkeys_rename_{passkey.id}"):
                _rename(passkey)
            if st.button("Remove", icon=":material/delete:", type="tertiary", key=f"passkeys_remove_{passkey.id}"):
                _remove(passkey)


def _add_button(user: User, *, is_first: bool) -> None:
    if st.button(
        "Add a passkey",
        icon=passkeys.ICON,
        type="primary" if is_first else "secondary",
        key="passkeys_add",
    ):
        if is_recent_proof(user):
            passkeys.go("add", f"/{navigation.SECURITY.url}")
        _confirm_add()


@st.dialog("Add a passkey")
@guarded
def _confirm_add() -> None:
    if step_up.confirmed("passkeys_add") is not None:
        passkeys.go("add", f"/{navigation.SECURITY.url}")


@st.dialog("Rename this passkey")
@guarded
def _rename(passkey: Passkey) -> None:
    with st.form("passkeys_rename_form", border=False):
        name = st.text_input("Name", passkey.name, max_chars=MAX_NAME, key=f"passkeys_name_{passkey.id}")
        submitted = st.form_submit_button("Save", type="primary", key="passkeys_rename_save")
    if submitted:
        with reporting():
            runtime.get_core().passkeys.rename(session.current_user(), passkey.id, name)
            done("The passkey has its new name.")
            st.rerun()


@st.dialog("Remove this passkey?")
@guarded
def _remove(passkey: Passkey) -> None:
    actor = step_up.confirmed("passkeys_remove")
    if actor is None:
        return
    st.write(
        f"**{answer.harmless(passkey.name)}** signs nobody in any more. Your device still lists it until you "
        "delete it there."
    )
    if st.button("Remove passkey", type="primary", key="passkeys_remove_yes"):
        with reporting():
            runtime.get_core().passkeys.remove(actor, passkey.id)
            done("The passkey was removed.")
            st.rerun()
