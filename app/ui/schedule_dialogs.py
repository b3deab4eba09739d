"""The dialogs of schedules: make, change, delete one. What an expression means is shown while it is typed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import amounts, answer, formats, workflow_inputs
from core import money
from core.engine.graph import read_graph
from core.errors import CoreError
from core.runs.inputs import fields_of
from core.schedules.models import Missed, Schedule, ScheduleDraft
from core.workflows.models import Draft

# Usual wishes, and what stands for them; the last one is typed.
USUAL = {
    "Every morning at 9": "0 9 * * *",
    "Weekdays at 9": "0 9 * * 1-5",
    "Mondays at 9": "0 9 * * 1",
    "First of the month": "0 9 1 * *",
    "Every hour": "0 * * * *",
    "Every 15 minutes": "*/15 * * * *",
}
OWN = "My own"
MISSED: dict[Missed, str] = {
    "once": "Run once for all of them",
    "skip": "Leave them out",
    "all": "Run once for each",
}


@st.dialog("New schedule", width="medium")
@guarded
def add(workflow: Draft) -> None:
    """Ask when it runs and on what."""
    draft = _form("schedule_new", workflow.id, None)
    if draft is not None:
        with reporting():
            runtime.get_core().schedules.create(session.current_user(), workflow.id, draft())
            runtime.wake_worker()
            done("The schedule was made.")
            st.rerun()


@st.dialog("Edit this schedule", width="medium")
@guarded
def edit(schedule: Schedule) -> None:
    """Ask for another time, or other inputs."""
    draft = _form(f"schedule_{schedule.id}_{schedule.revision}", schedule.workflow_id, schedule.draft)
    if draft is not None:
        with reporting():
            user = session.current_user()
            runtime.get_core().schedules.change(user, schedule.id, draft(), schedule.revision)
            runtime.wake_worker()
            done("The changes were saved.")
            st.rerun()


@st.dialog("Delete this schedule?")
@guarded
def confirm_delete(schedule: Schedule) -> None:
    """Say what is lost and ask."""
    st.write(f"**{answer.harmless(schedule.draft.name)}** starts nothing any more. Its runs stay.")
    if st.button("Delete schedule", type="primary", key="schedule_delete_yes"):
        with reporting():
            runtime.get_core().schedules.delete(session.current_user(), schedule.id)
            done("The schedule was deleted.")
            st.rerun()


def _form(key: str, workflow_id: str, given: ScheduleDraft | None) -> Any:
    """Draw the fields; return what makes a draft of them when they are sent, else None."""
    name = st.text_input("Name", given.name if given else "", max_chars=80, key=f"{key}_name")
    cron = _cron(key, given)
    zone = _zone(key, given)
    _meaning(cron, zone)
    try:
        graph = runtime.get_core().workflows.to_run(session.current_user(), workflow_id).graph
    except CoreError as error:
        st.error(answer.harmless(error.sentence), icon=":material/error:")
        return None
    inputs = workflow_inputs.draw(fields_of(read_graph(graph)), f"{key}_input", given.inputs if given else None)
    with st.expander("Limits and missed times", icon=":material/tune:"):
        missed = st.selectbox(
            "Times that were missed",
            list(MISSED),
            index=list(MISSED).index(given.missed) if given else 0,
            format_func=MISSED.__getitem__,
            help="While the server sleeps or is down, nothing runs.",
            key=f"{key}_missed",
        )
        failures = st.number_input(
            "Stop after so many failures in a row",
            min_value=1,
            max_value=100,
            value=given.stop_after_failures if given else 3,
            placeholder="never",
            key=f"{key}_failures",
        )
        cap = given.budget_micros if given else None
        limit = st.text_input(
            "A run may cost at most",
            money.dollars(cap).lstrip("$") if cap is not None else "",
            placeholder="no limit",
            help="US dollars.",
            key=f"{key}_limit",
        )
    if not st.button("Save schedule", type="primary", key=f"{key}_save"):
        return None
    return lambda: ScheduleDraft(name, cron, zone, inputs, amounts.micros(limit), missed, failures)


def _cron(key: str, given: ScheduleDraft | None) -> str:
    known = {cron: label for label, cron in USUAL.items()}
    first = known.get(given.cron, OWN) if given else next(iter(USUAL))
    options = [*USUAL, OWN]
    chosen = st.selectbox("When", options, index=options.index(first), key=f"{key}_when")
    if chosen != OWN:
        return USUAL[chosen]
    return st.text_input(
        "Minute, hour, day, month, weekday",
        given.cron if given else "",
        placeholder="0 9 * * 1-5",
        help="As cron has it: * is every, 1-5 from Monday to Friday, */15 every 15.",
        key=f"{key}_cron",
    )


def _zone(key: str, given: ScheduleDraft | None) -> str:
    zones = list(runtime.get_core().schedules.time_zones())
    wanted = given.timezone if given else (st.context.timezone or "UTC")
    index = zones.index(wanted) if wanted in zones else zones.index("UTC")
    return st.selectbox("Time zone", zones, index=index, key=f"{key}_zone")


def _meaning(cron: str, zone: str) -> None:
    if not cron.strip():
        return
    try:
        seen = runtime.get_core().schedules.preview(cron, zone)
    except CoreError as error:
        st.caption(f":material/error: {answer.harmless(error.sentence)}")
        return
    times = ", ".join(formats.at_place(moment, zone) for moment in seen.next_times)
    st.info(answer.harmless(f"{seen.words}. Next: {times}."), icon=":material/event_upcoming:")
