"""Draws the trace of a run: its steps, and the lines of one."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import runtime
from app.feedback import reporting
from app.ui import answer
from app.ui.trace import Item, Step, Trace
from core.accounts.models import User
from core.runs.models import Run, RunEvent

MAX_SHOWN = 4000

_ICONS = {
    "model": ":material/psychology:",
    "tool": ":material/build:",
    "note": ":material/info:",
    "problem": ":material/warning:",
}
_STEP_STATES = {"running": "running", "waiting": "running", "done": "complete", "failed": "error"}


def read(actor: User, run: Run) -> Trace:
    """Return the story of a run so far."""
    trace = Trace()
    trace.add(events(actor, run))
    return trace


def events(actor: User, run: Run) -> list[RunEvent]:
    """Return everything that has happened in a run."""
    found: list[RunEvent] = []
    with reporting():
        while more := runtime.get_core().runs.events(actor, run.id, found[-1].seq if found else 0):
            found += more
    return found


def draw(run: Run, trace: Trace, titles: Mapping[str, str]) -> None:
    """Draw all steps; ``titles`` is what people call the nodes."""
    if trace.was_resumed:
        st.caption("This run went on after its worker was interrupted. Finished steps were not repeated.")
    shown = [step for step in trace.steps.values() if step.state != "skipped"]
    for number, step in enumerate(shown, start=1):
        title = (
            f"{number}. {answer.harmless(titles.get(step.node_id, step.node_id))}" if len(shown) > 1 else "Steps"
        )
        _step(step, title, is_active=run.is_active)


def items(step: Step) -> None:
    """Draw the lines of a step."""
    for item in step.items:
        _item(item)


def _step(step: Step, title: str, *, is_active: bool) -> None:
    state = _STEP_STATES[step.state] if is_active or step.state not in ("running", "waiting") else "error"
    box = st.status(title, state=state, expanded=True)  # type: ignore[arg-type]
    with box.container():  # leaving the status itself would call a running step complete
        items(step)
        if not step.items:
            st.caption("Getting ready …" if step.state == "running" else "Nothing was asked of a model or a tool.")


def _item(item: Item) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"{_ICONS[item.kind]} **{answer.harmless(item.title)}**", width="content")
        if item.detail:
            st.caption(answer.harmless(item.detail), width="content")
    if item.text:
        st.text(item.text if len(item.text) < MAX_SHOWN else item.text[:MAX_SHOWN] + " …")
