"""The form that runs an agent: what to work on and, if wished, the most that it may cost."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime
from app.feedback import reporting
from app.ui import agent_form, amounts, answer, formats
from core.accounts.models import User
from core.agents.models import Agent
from core.runs.models import Estimate


def draw(actor: User, agent: Agent, *, is_sample: bool, can_run: bool) -> None:
    """Draw the form; when it is sent, start the run and open its page."""
    core = runtime.get_core()
    with st.form("agent_run_form", border=False):
        text = st.text_area(
            "Input",
            agent_form.SAMPLE_INPUT if is_sample else "",
            placeholder="Paste or type what the agent should work on.",
            height=180,
            key=f"agent_input_{agent.id}",
        )
        go, cap, about = st.columns([2, 3, 7], vertical_alignment="bottom")
        submitted = go.form_submit_button(
            "Run", type="primary", icon=":material/play_arrow:", key="agent_run", disabled=not can_run
        )
        limit = cap.text_input(
            "May cost at most",
            placeholder="no limit",
            help="US dollars. A call that may not fit any more is not sent, and the run ends.",
            key=f"agent_limit_{agent.id}",
        )
        about.caption(words(core.estimates.of_agent_run(actor, agent.id, text)))
    if submitted:
        with reporting():
            run = core.runs.start_agent_run(actor, agent.id, text, amounts.micros(limit))
            navigation.go(navigation.RUN, id=run.id)


def words(estimate: Estimate, first: str = "First call") -> str:
    """Say in one sentence what a run may cost; ``first`` names the calls that count where nothing has run yet."""
    if estimate.micros is None or estimate.most_micros is None:
        return "What it costs is unknown: this model has no price here."
    usual, most = (answer.harmless(formats.money(micros)) for micros in (estimate.micros, estimate.most_micros))
    if estimate.runs > 1:
        return f"Usually {usual}, at most {most}, by its last {estimate.runs} runs."
    if estimate.runs:
        return f"The last run cost {usual}."
    return "It costs nothing: the model runs on own hardware." if not estimate.micros else f"{first}: up to {most}."
