"""Home: what happened lately, what it cost, and the next step for somebody new."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import agent_form, approval_rows, budget_rows, formats, key_health, layout, rights, setup_card
from app.ui.worker_state import describe_worker
from core import clock

RECENT = 8

core = runtime.get_core()
user = session.current_user()
if core.setup.opens_by_itself(user):
    navigation.go(navigation.SETUP)

with layout.header("Home"):
    if rights.may(user, "agents.edit") and st.button(
        "New agent", type="primary", icon=":material/add:", key="home_new_agent"
    ):
        navigation.go(navigation.AGENT)

setup_card.draw(user)
approval_rows.on_home(user)
budget_rows.warn(list(core.budgets.near_limit(user)))
key_health.alarms(user)
rights.explain(user, "keys.edit", "agents.edit", "runs.start")
month_start = clock.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
month = core.usage.totals(user, month_start, clock.now())
runs = core.runs.list(user, limit=RECENT)
worker, about_worker = describe_worker()
with layout.metric_row("home_metrics"):
    st.metric("Spend this month", formats.cost(month) if month.calls else "$0", border=True)
    st.metric("Model calls this month", f"{month.calls:,}", border=True)
    st.metric("Tokens this month", formats.tokens(month.input_tokens + month.output_tokens), border=True)
    st.metric("Worker", worker, border=True, help=about_worker)

if not runs and rights.may(user, "runs.start"):
    # Colleagues may have shared some; what one may only look at is no step done.
    keys = agent_form.usable_keys(user)
    agents = [agent for agent in core.agents.list(user) if agent.access.reaches("run")]
    steps: tuple[tuple[str, str, bool, navigation.Entry, dict[str, str]], ...] = (
        (
            "Add a key",
            "Your own key of a provider, or the built-in model.",
            bool(keys or agents),  # an agent that was shared may bring its own
            navigation.KEYS,
            {"new": "1"},
        ),
        (
            "Build an agent",
            "A role, a goal, a model. A sample is filled in.",
            bool(agents),
            navigation.AGENT,
            {},
        ),
        ("Run it", "Watch every step and see what it cost.", False, navigation.AGENTS, {}),
    )
    st.subheader("Get started", anchor=False)
    current = next(number for number, step in enumerate(steps) if not step[2])
    for number, (title, about, is_done, entry, query) in enumerate(steps):
        with st.container(
            border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            icon = ":material/check_circle:" if is_done else f":material/counter_{number + 1}:"
            st.markdown(f"{icon} **{title}** — {about}", width="content")
            if number == current and st.button(title, type="primary", key=f"home_step_{number}"):
                navigation.go(entry, **query)
elif runs:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Recent runs", anchor=False, width="content")
        navigation.link(navigation.RUNS, "All runs", icon=":material/arrow_forward:")
    layout.run_rows(runs)
