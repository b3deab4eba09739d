"""Draws a run: its head, its trace and its answer; live while it works."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import reporting
from app.guarded import guarded
from app.ui import answer, formats, layout
from app.ui.trace import Item, Step, Trace
from core import money
from core.accounts.models import User
from core.runs.models import Run

MAX_SHOWN = 4000

_ICONS = {
    "model": ":material/psychology:",
    "tool": ":material/build:",
    "note": ":material/info:",
    "problem": ":material/warning:",
}
_STEP_STATES = {"running": "running", "done": "complete", "failed": "error"}


def draw_live(actor: User, run_id: str) -> None:
    """Draw a run and look again every second until it has ended; then the page is drawn once more."""
    run = runtime.get_core().runs.get(actor, run_id)

    @st.fragment(run_every=1.0 if run.is_active else None)
    @guarded
    def live() -> None:
        current = runtime.get_core().runs.get(actor, run_id)
        if run.is_active and not current.is_active:
            st.rerun()  # without the timer
        _draw(actor, current)

    live()


def _draw(actor: User, run: Run) -> None:
    _metrics(run)
    _waiting_note(actor, run)
    if run.status == "cancelled":
        why = run.error.message if run.error else "This run was cancelled."
        st.info(f"{why} What it used until then is in the costs.", icon=":material/cancel:")
    elif run.error:
        st.error(run.error.message, icon=":material/error:")
        st.caption(f"Code: `{run.error.code}`")
    if run.output is not None:
        st.subheader("Answer", anchor=False)
        with st.container(border=True, key="run_answer"):
            answer.draw(run.output)
    _trace(actor, run)
    with st.expander("Input", icon=":material/input:"):
        for name, text in run.inputs.items():
            if len(run.inputs) > 1:
                st.caption(name)
            st.text(text)


def _metrics(run: Run) -> None:
    label, icon, colour = formats.status(run)
    seconds = formats.run_seconds(run)
    with layout.metric_row("run_metrics", narrowest=120):
        with st.container(gap="xsmall"):
            st.caption("Status")
            st.badge(label, icon=icon, color=colour)
        st.metric("Time", formats.duration(seconds) if seconds is not None else "–")
        st.metric("Model calls", run.totals.calls)
        st.metric("Tokens in", formats.tokens(run.totals.input_tokens))
        st.metric("Tokens out", formats.tokens(run.totals.output_tokens))
        st.metric("Cost", formats.cost(run.totals) if run.totals.calls else "–")
    if run.budget_micros is not None:
        st.caption(f"It may cost at most {money.dollars(run.budget_micros)}.")
    if run.totals.unpriced_calls:
        st.caption(f"The price of {run.totals.unpriced_calls} call(s) is unknown; they are not in the cost.")


def _waiting_note(actor: User, run: Run) -> None:
    if run.status != "queued":
        return
    state, runs = runtime.worker_state(), runtime.get_core().runs
    if state is None and not runs.workers():
        st.info("No worker is running. Start one: python -m core.worker")
    elif state is None or state.state == "running":
        usual = "Waiting for a free worker." if state is None else "Next in line."
        st.info(formats.queue_place(runs.place(actor, run.id)) or usual, icon=":material/schedule:")
    else:
        st.info(
            "Starting the worker; the first run after a pause takes a few seconds.",
            icon=":material/schedule:",
        )


def _trace(actor: User, run: Run) -> None:
    trace = Trace()
    with reporting():
        while events := runtime.get_core().runs.events(actor, run.id, trace.last_seq):
            trace.add(events)
    if not trace.steps:
        return
    st.subheader("Trace", anchor=False)
    if trace.was_resumed:
        st.caption("This run went on after its worker was interrupted. Finished steps were not repeated.")
    for number, step in enumerate(trace.steps.values(), start=1):
        _step(step, number, len(trace.steps), is_active=run.is_active)


def _step(step: Step, number: int, count: int, *, is_active: bool) -> None:
    title = step.node_id if count > 1 else "Steps"
    state = _STEP_STATES[step.state] if is_active or step.state != "running" else "error"
    box = st.status(f"{number}. {title}" if count > 1 else title, state=state, expanded=True)  # type: ignore[arg-type]
    with box.container():  # leaving the status itself would call a running step complete
        for item in step.items:
            _item(item)
        if not step.items:
            st.caption("Getting ready …")


def _item(item: Item) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"{_ICONS[item.kind]} **{answer.harmless(item.title)}**", width="content")
        if item.detail:
            st.caption(answer.harmless(item.detail), width="content")
    if item.text:
        st.text(item.text if len(item.text) < MAX_SHOWN else item.text[:MAX_SHOWN] + " …")
