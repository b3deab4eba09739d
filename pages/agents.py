"""Agents: the list."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import answer, formats, layout, rights

core = runtime.get_core()
user = session.current_user()


def new_agent_button(key: str) -> None:
    """Draw the way to a new agent."""
    can_edit = rights.may(user, "agents.edit")
    if can_edit and st.button("New agent", type="primary", icon=":material/add:", key=key):
        navigation.go(navigation.AGENT)


agents = core.agents.list(user)
with layout.header("Agents"):
    if agents:
        new_agent_button("agents_new")
rights.explain(user, "agents.edit", "runs.start")

if not agents:
    layout.empty(
        ":material/smart_toy:",
        "No agents yet",
        "An agent is a role with a goal, a model and a few tools. A sample is filled in for you.",
        lambda: new_agent_button("agents_first"),
    )
    st.stop()

wanted = st.text_input(
    "Search",
    placeholder="Search by name or role",
    label_visibility="collapsed",
    key="agents_search",
    bind="query-params",
)
departments = {department.slug: department.name for department in core.departments.all()}
whose = None
if {agent.access.is_owner for agent in agents} == {True, False}:
    whose = st.segmented_control(
        "Whose", ["Mine", "Shared with me"], label_visibility="collapsed", key="agents_whose", bind="query-params"
    )
shown = [
    agent
    for agent in agents
    if wanted.lower() in f"{agent.definition.name} {agent.definition.role}".lower()
    and (whose is None or agent.access.is_owner == (whose == "Mine"))
]
if not shown:
    st.caption("No agent matches your search.")
for agent in shown:
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            navigation.link(navigation.AGENT, f"**{agent.definition.name}**", id=agent.id)
            owner = "" if agent.access.is_owner else f"{answer.harmless(agent.access.owner_name)}’s · "
            st.caption(
                f"{owner}{departments[agent.definition.department]} · {agent.definition.model} · "
                f"changed {formats.ago(agent.updated_at)}"
            )
        can_run = rights.may(user, "runs.start") and agent.access.reaches("run")
        if can_run and st.button("Run", icon=":material/play_arrow:", key=f"agents_run_{agent.id}"):
            navigation.go(navigation.AGENT, id=agent.id)
