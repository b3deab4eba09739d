"""A trigger as a row: its address, how it does, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done, reporting
from app.ui import answer, firing_rows, rights, trigger_dialogs
from core.accounts.models import User
from core.triggers.models import Trigger


def draw(actor: User, trigger: Trigger) -> None:
    """Draw one trigger."""
    about, state, acts = st.columns([4.5, 1.8, 4], vertical_alignment="center")
    with about, st.container(gap=None):
        st.markdown(f"**{answer.harmless(trigger.draft.name)}**")
        st.caption(answer.harmless(f"by {trigger.owner_name}"))
    with state:
        firing_rows.chip(trigger)
    with acts, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        _acts(actor, trigger)
    st.code(f"POST {trigger_dialogs.address(trigger)}", language=None, wrap_lines=True)
    if not trigger.has_secret:
        st.warning("Its secret was lost with a master key. Make a new one.", icon=":material/key_off:")


def _acts(actor: User, trigger: Trigger) -> None:
    core = runtime.get_core()
    if trigger.is_active:
        if st.button("Pause", key=f"trigger_pause_{trigger.id}", type="tertiary", icon=":material/pause:"):
            with reporting():
                core.triggers.pause(actor, trigger.id)
                done("The trigger takes no messages now.")
                st.rerun()
    elif rights.may(actor, "runs.start") and st.button(
        "Go on", key=f"trigger_go_on_{trigger.id}", type="tertiary", icon=":material/play_arrow:"
    ):
        with reporting():
            core.triggers.go_on(actor, trigger.id)
            done("The trigger takes messages again.")
            st.rerun()
    if trigger.owner_id == actor.id and rights.may(actor, "runs.start"):
        if st.button("Edit", key=f"trigger_edit_{trigger.id}", type="tertiary", icon=":material/edit:"):
            trigger_dialogs.edit(trigger)
        if st.button("New secret", key=f"trigger_rotate_{trigger.id}", type="tertiary", icon=":material/key:"):
            trigger_dialogs.rotate(trigger)
    if st.button("Delete", key=f"trigger_delete_{trigger.id}", type="tertiary", icon=":material/delete:"):
        trigger_dialogs.confirm_delete(trigger)
