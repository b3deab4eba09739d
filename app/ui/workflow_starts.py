"""The view Starts of a workflow: its schedules and triggers, how they do, and making them."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import runtime
from app.ui import firing_rows, layout, rights, schedule_dialogs, schedule_rows, trigger_dialogs, trigger_rows
from core.accounts.models import User
from core.workflows.models import Draft


def draw(actor: User, draft: Draft) -> None:
    """Draw what starts the workflow by itself; nothing does before a version is published."""
    if draft.published_version is None:
        st.info(
            "Publish the workflow first: schedules and triggers run what is published.", icon=":material/publish:"
        )
        return
    if draft.archived_at is not None:
        st.info("This workflow is archived, so nothing starts it.", icon=":material/inventory_2:")
    can_make = rights.may(actor, "runs.start") and draft.access.reaches("run") and draft.archived_at is None
    _schedules(actor, draft, can_make=can_make)
    _triggers(actor, draft, can_make=can_make)
    st.caption("They run in the name of who made them, on their keys and budgets.")


def _schedules(actor: User, draft: Draft, *, can_make: bool) -> None:
    found = runtime.get_core().schedules.list(actor, draft.id)
    with _head("Schedules"):
        if can_make and st.button("New schedule", icon=":material/add:", key="starts_new_schedule"):
            schedule_dialogs.add(draft)
    if not found:
        st.caption("Run it every morning, every Monday, or every 15 minutes: make a schedule.")
        return
    if runtime.worker_state() is not None:
        st.caption("Nothing starts while this server sleeps; each schedule says what becomes of missed times.")
    with st.container(border=True, gap="xsmall"):
        for position, schedule in enumerate(found):
            if position:
                layout.rule()
            schedule_rows.draw(actor, schedule)
            firing_rows.draw(runtime.get_core().schedules.history(actor, schedule.id, firing_rows.SHOWN))


def _triggers(actor: User, draft: Draft, *, can_make: bool) -> None:
    found = runtime.get_core().triggers.list(actor, draft.id)
    with _head("Triggers"):
        if can_make and st.button("New trigger", icon=":material/add:", key="starts_new_trigger"):
            trigger_dialogs.add(draft)
    if not found:
        st.caption("Let another program start it by a signed message: make a trigger.")
        return
    with st.container(border=True, gap="xsmall"):
        for position, trigger in enumerate(found):
            if position:
                layout.rule()
            trigger_rows.draw(actor, trigger)
            firing_rows.draw(runtime.get_core().triggers.history(actor, trigger.id, firing_rows.SHOWN))


def _head(title: str) -> DeltaGenerator:
    place = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    place.subheader(title, anchor=False, width="content")
    return place
