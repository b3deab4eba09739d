"""What an administrator sees of the master keys: what each has sealed, how a rotation goes, and its dialogs."""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.feedback import done
from app.guarded import guarded
from app.ui import formats, step_up
from core.accounts.models import User
from core.master_keys.models import MasterKey, MasterKeyState, MasterKeyStatus

_STATES: dict[MasterKeyState, tuple[str, str, formats.Colour]] = {
    "newest": ("Seals", ":material/lock:", "green"),
    "needed": ("Needed", ":material/key:", "blue"),
    "unneeded": ("Not needed", ":material/key_off:", "gray"),
    "lost": ("Lost", ":material/error:", "orange"),
    "unknown": ("Not here", ":material/error:", "red"),
}
_ABOUT: dict[MasterKeyState, str] = {
    "newest": "Every new secret is sealed with it.",
    "needed": "Opens what was sealed before. Rotate, and nothing needs it.",
    "unneeded": "Only backups from before the rotation need it.",
    "lost": "What it sealed is to be entered again.",
    "unknown": "This process does not have it, but something is sealed with it. Start it again with every key.",
}


def progress(status: MasterKeyStatus) -> None:
    """Draw how far the rotation is, once a second while it is under way."""

    @st.fragment(run_every=1.0)
    @guarded
    def live() -> None:
        now = runtime.get_core().master_keys.status(session.current_user())
        if not now.is_rotating:
            done("Everything is sealed with the new master key.")
            st.rerun()
        share = now.done / now.total if now.total else 0.0
        st.progress(share, f"Sealing with key {now.newest}: {now.done:,} of {now.total:,} secrets. Work goes on.")
        if now.rotation and now.rotation.target != now.newest:
            st.warning(f"Key {now.rotation.target} is not the newest one here. Start every process again.")

    live()


def keys(status: MasterKeyStatus) -> None:
    """Draw each key with what it is there for, and the way to remove one that is not needed."""
    with st.container(border=True, gap="small"):
        for key in status.shown:
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                with st.container(gap="xsmall", width=520):
                    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                        st.markdown(f"**Key {key.number}**", width="content")
                        label, icon, colour = _STATES[key.state]
                        st.badge(label, icon=icon, color=colour)
                    st.caption(f"{_secrets(key.rows)} · {_ABOUT[key.state]}")
                if key.state == "unneeded" and status.is_in_file:
                    _remove_button(status, key)
    if status.removable and not status.is_in_file:
        names = ", ".join(f"`{number}:…`" for number in status.removable)
        st.info(f"Delete {names} from ZOARK_MASTER_KEYS and start every process again.", icon=":material/key_off:")


def secrets(status: MasterKeyStatus) -> None:
    """Draw a table of what is sealed with which key."""
    shown = [key.number for key in status.shown if key.rows or key.state == "newest"]
    st.dataframe(
        [
            {"Secrets": what, **{f"Key {number}": by_key.get(number, 0) for number in shown}}
            for what, by_key in status.secrets.items()
            if any(by_key.get(number) for number in shown)
        ],
        hide_index=True,
        key="master_key_table",
    )


def how_to_add(status: MasterKeyStatus) -> None:
    """Say how a new key gets into the setting, which only an operator can change."""
    number, old = status.next_number, status.newest
    st.info(
        f"The master keys are a setting here. To rotate: make a key with `python -m core new-master-key {number}`, "
        f"put it in front, `ZOARK_MASTER_KEYS={number}:…,{old}:…`, and start every process again. Where processes "
        f"start one after another, put it behind first, `{old}:…,{number}:…`, so that all can read it before one "
        "writes with it.",
        icon=":material/info:",
    )


@st.dialog("Rotate the master key?", on_dismiss="rerun")
@guarded
def confirm_rotation(status: MasterKeyStatus) -> None:
    """Say what happens and ask."""
    if step_up.confirmed("master_key_rotate", open_form="master_key_rotate_yes") is None:
        return
    number = status.newest if status.done < status.total else status.next_number
    st.write(f"All {_secrets(status.total)} are sealed anew with key {number}. Runs and people go on meanwhile.")
    if status.is_in_file:
        st.caption("The new key comes into the file master.keys. Make a copy of that file afterwards.")

    def rotate(actor: User) -> None:
        after = runtime.get_core().master_keys.rotate(actor)
        runtime.wake_worker()
        if not after.is_rotating:
            done("Everything is sealed with the new master key.")
        st.rerun()

    pressed = st.button("Rotate", type="primary", key="master_key_rotate_yes")
    step_up.carry_out("master_key_rotate", pressed, rotate)


@st.dialog("Remove this key?", on_dismiss="rerun")
@guarded
def confirm_removal(number: int) -> None:
    """Say what it means and ask."""
    if step_up.confirmed("master_key_remove", open_form="master_key_remove_yes") is None:
        return
    st.write(f"Key {number} is deleted from the file master.keys for good.")
    st.warning("Backups from before the rotation need it. Keep a copy as long as you keep them.")

    def remove(actor: User) -> None:
        runtime.get_core().master_keys.remove(actor, number)
        done(f"Key {number} was removed.")
        st.rerun()

    pressed = st.button("Remove key", type="primary", key="master_key_remove_yes")
    step_up.carry_out("master_key_remove", pressed, remove)


def _remove_button(status: MasterKeyStatus, key: MasterKey) -> None:
    if st.button(
        "Remove",
        icon=":material/delete:",
        type="tertiary",
        key=f"master_key_remove_{key.number}",
        disabled=status.is_rotating,
    ):
        confirm_removal(key.number)


def _secrets(count: int) -> str:
    return "1 secret" if count == 1 else f"{count:,} secrets"
