"""A schedule as a row: when it runs in words, when next, how it does, and what can be done with it."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done, reporting
from app.ui import answer, firing_rows, formats, rights, schedule_dialogs
from core.accounts.models import User
from core.errors import CoreError
from core.schedules.models import Schedule


def draw(actor: User, schedule: Schedule) -> None:
    """Draw one schedule."""
    about, state, acts = st.columns([5.5, 1.8, 3], vertical_alignment="center")
    with about, st.container(gap=None):
        st.markdown(f"**{answer.harmless(schedule.draft.name)}**")
        st.caption(answer.harmless(_when(schedule)))
    with state:
        firing_rows.chip(schedule)
    with acts, st.container(horizontal=True, horizontal_alignment="right", gap="xsmall"):
        _acts(actor, schedule)


def _when(schedule: Schedule) -> str:
    draft = schedule.draft
    try:
        told = runtime.get_core().schedules.preview(draft.cron, draft.timezone).words
    except CoreError:
        told = draft.cron
    parts = [f"{told} ({draft.timezone})"]
    if schedule.next_at:
        parts.append(f"next {formats.at_place(schedule.next_at, draft.timezone)}")
    parts.append(f"by {schedule.owner_name}")
    return " · ".join(parts)


def _acts(actor: User, schedule: Schedule) -> None:
    core = runtime.get_core()
    if schedule.is_active:
        if st.button("Pause", key=f"schedule_pause_{schedule.id}", type="tertiary", icon=":material/pause:"):
            with reporting():
                core.schedules.pause(actor, schedule.id)
                done("The schedule rests.")
                st.rerun()
    elif rights.may(actor, "runs.start") and st.button(
        "Go on", key=f"schedule_go_on_{schedule.id}", type="tertiary", icon=":material/play_arrow:"
    ):
        with reporting():
            core.schedules.go_on(actor, schedule.id)
            runtime.wake_worker()
            done("The schedule goes on.")
            st.rerun()
    is_mine = schedule.owner_id == actor.id and rights.may(actor, "runs.start")
    if is_mine and st.button("Edit", key=f"schedule_edit_{schedule.id}", type="tertiary", icon=":material/edit:"):
        schedule_dialogs.edit(schedule)
    if st.button("Delete", key=f"schedule_delete_{schedule.id}", type="tertiary", icon=":material/delete:"):
        schedule_dialogs.confirm_delete(schedule)
