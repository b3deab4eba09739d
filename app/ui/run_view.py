"""Draws a run: its head, its steps or its trace, and what came out; live while it works."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.guarded import guarded
from app.ui import answer, formats, layout, run_head, run_steps, run_trace, run_values
from core import money
from core.accounts.models import User
from core.runs.models import Run

# How often a run is looked at again; one that waits may do so for days.
SECONDS = {"queued": 1.0, "running": 1.0, "waiting": 3.0}


def draw_live(actor: User, run_id: str) -> None:
    """Draw a run and look again until it has ended; when it changes its pace, the page is drawn once more."""
    run = runtime.get_core().runs.get(actor, run_id)

    @st.fragment(run_every=SECONDS.get(run.status))
    @guarded
    def live() -> None:
        current = runtime.get_core().runs.get(actor, run_id)
        if SECONDS.get(run.status) != SECONDS.get(current.status):
            st.rerun()  # with another timer, or none
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
    _answer(run)
    if run.agent_id is None:
        run_steps.draw(actor, run)
        run_head.children(actor, run)
        return
    trace = run_trace.read(actor, run)
    if trace.steps:
        st.subheader("Trace", anchor=False)
        run_trace.draw(run, trace, {})
    with st.expander("Input", icon=":material/input:"):
        for name, text in run.inputs.items():
            if len(run.inputs) > 1:
                st.caption(name)
            st.text(text)


def _answer(run: Run) -> None:
    """Draw what came out: the values of the output nodes by name, else the last answer."""
    if run.outputs:
        st.subheader("Result", anchor=False)
        with st.container(border=True, key="run_answer"):
            if len(run.outputs) == 1:
                run_values.draw(next(iter(run.outputs.values())), "run_result")
            else:
                run_values.named(run.outputs, "run_result")
    elif run.output is not None:
        st.subheader("Answer", anchor=False)
        with st.container(border=True, key="run_answer"):
            answer.draw(run.output)


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
