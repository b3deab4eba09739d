"""The last times at which a schedule or trigger wanted a run, and the chip that says how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import navigation
from app.ui import answer, formats
from core.firings.models import Firing, Status
from core.schedules.models import Schedule
from core.triggers.models import Trigger

SHOWN = 10
STATES: Mapping[Status, tuple[str, str, formats.Colour]] = {
    "due": ("Starting", ":material/schedule:", "gray"),
    "running": ("Running", ":material/progress_activity:", "blue"),
    "succeeded": ("Succeeded", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "cancelled": ("Cancelled", ":material/cancel:", "gray"),
    "missed": ("Missed", ":material/event_busy:", "orange"),
}


def draw(firings: Sequence[Firing]) -> None:
    """Draw them behind a line that folds; each leads to its run, or says why there is none."""
    if not firings:
        return
    failed = sum(firing.status == "failed" for firing in firings)
    told = f"Last {len(firings)}" + (f", {failed} failed" if failed else "")
    with st.expander(told):
        for firing in firings:
            label, icon, colour = STATES[firing.status]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(label, icon=icon, color=colour)
                if firing.run_id:
                    navigation.link(navigation.RUN, f"Run {formats.ago(firing.at)}", id=firing.run_id)
                else:
                    st.caption(formats.ago(firing.at), width="content")
                if firing.error_message:
                    st.caption(answer.harmless(firing.error_message[:300]), width="content")


def chip(thing: Schedule | Trigger) -> None:
    """Draw the one word for how a schedule or trigger does."""
    if thing.stopped_at:
        why = f"It stopped by itself after {thing.failures_in_row} failures in a row."
        st.badge("Stopped", icon=":material/error:", color="red", help=why)
    elif thing.paused_at:
        st.badge("Paused", icon=":material/pause_circle:", color="gray")
    elif thing.failures_in_row:
        st.badge("Failing", icon=":material/warning:", color="orange", help=f"{thing.failures_in_row} in a row")
    else:
        st.badge("Active", icon=":material/check_circle:", color="green")
