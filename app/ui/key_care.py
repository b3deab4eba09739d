"""What one does to a key besides using it: say when it expires, disable it, delete it after what breaks."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, runtime
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, key_health, step_up
from core import clock
from core.accounts.models import User
from core.keys.models import Dependent, Key, KeyBreaks

MAX_NAMED = 8


def expiry(actor: User, key: Key) -> None:
    """Draw on which day a key expires and the way to change it; whoever looks after it is reminded."""
    with st.form("key_expiry_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        today = clock.now().date()
        day = st.date_input(
            "Expires on",
            key.expires_on,
            min_value=min(today, key.expires_on or today),
            format="YYYY-MM-DD",
            width=220,
            help="Empty: it does not. You are reminded 14 and 3 days before, and on the day.",
            key=f"key_expires_{key.id}_{key.secret_version}",
        )
        submitted = st.form_submit_button("Save", key="key_expiry_save")
    if submitted:
        with reporting():
            runtime.get_core().key_care.set_expiry(actor, key.id, day)
            done("The day was saved." if day else "The key has no day of expiry.")
            st.rerun()


@st.dialog("Disable this key?", on_dismiss="rerun")
@guarded
def confirm_disable(key: Key) -> None:
    """Say what stops and ask."""
    actor = step_up.confirmed("key_disable", open_form="key_disable_yes")
    if actor is None:
        return
    core = runtime.get_core()
    st.write(f"Nobody can use **{answer.harmless(key.name)}** until it is enabled again. Nothing is lost.")
    _breaks(actor, core.key_health.what_breaks(actor, key.id), "They fail while it is disabled")

    def disable(proven: User) -> None:
        core.key_care.disable(proven, key.id)
        done("The key was disabled.")
        st.rerun()

    pressed = st.button("Disable key", type="primary", key="key_disable_yes")
    step_up.carry_out("key_disable", pressed, disable)


def enable(key: Key, pressed: bool) -> None:
    """Let a disabled key be used again when that was asked for, after a step-up."""

    def act(proven: User) -> None:
        runtime.get_core().key_care.enable(proven, key.id)
        done("The key was enabled.")
        st.rerun()

    step_up.carry_out("key_enable", pressed, act)


@st.dialog("Delete this key?", on_dismiss="rerun")
@guarded
def confirm_delete(key: Key) -> None:
    """Say what breaks and ask; where something does, for the key's name too."""
    actor = step_up.confirmed("key_delete", open_form="key_delete_yes")
    if actor is None:
        return
    core = runtime.get_core()
    name = answer.harmless(key.name)
    st.write(f"The secret of **{name}** is erased at once. What it has cost stays in the books.")
    breaks = core.key_health.what_breaks(actor, key.id)
    _breaks(actor, breaks, "They need another key before they run again")
    typed = key.name
    if breaks.is_anything:
        typed = st.text_input(f"To go on, type the name of the key: **{name}**", key="key_delete_name")

    def delete(proven: User) -> None:
        core.keys.delete(proven, key.id)
        done("The key was deleted.")
        navigation.go(navigation.KEYS)

    pressed = st.button("Delete key", type="primary", key="key_delete_yes")
    is_meant = typed.strip() == key.name
    if pressed and not is_meant:
        st.warning("This is not the name of the key.", icon=":material/arrow_upward:")
    step_up.carry_out("key_delete", pressed and is_meant, delete)


def _breaks(actor: User, breaks: KeyBreaks, what_then: str) -> None:
    agents = [one for one in breaks.dependents if one.kind == "agent"]
    if len(agents) < len(breaks.dependents):
        st.warning("The organisation’s e-mail is sent with it: none goes out before another way is chosen.")
    if agents:
        count, lines = len(agents), _lines(actor, agents)
        st.warning(f"Used by {count} agent{'s' if count > 1 else ''}. {what_then}.\n{lines}")
    if breaks.runs:
        count = len(breaks.runs)
        lines = _lines(actor, breaks.runs)
        st.warning(f"{count} run{'s' if count > 1 else ''} under way will fail before the next step.\n{lines}")
    people = [answer.harmless(share.name) for share in breaks.shares if share.grantee.kind != "agent"]
    if people:
        st.caption(f":material/group: Shared with {_listed(people)}.")


def _lines(actor: User, found: Sequence[Dependent]) -> str:
    lines = [f"- {answer.harmless(one.name)} ({key_health.whose(actor, one)})" for one in found[:MAX_NAMED]]
    if len(found) > MAX_NAMED:
        lines.append(f"- and {len(found) - MAX_NAMED} more")
    return "\n" + "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join([*names[:MAX_NAMED], *([f"and {more} more"] if more > 0 else [])])
