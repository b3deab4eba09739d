"""One agent: run it, change it, share it, see its runs; without an id, a new one."""

import streamlit as st

from app import navigation, runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import agent_form, answer, layout, rights, run_form, share_dialog
from core.errors import NotFound

core = runtime.get_core()
user = session.current_user()
agent_id = st.query_params.get("id")

if agent_id is None:
    with layout.header("New agent", "A sample is filled in: change it or take it as it is."):
        pass
    rights.explain(user, "agents.edit")
    if not rights.may(user, "agents.edit"):
        st.stop()
    if not agent_form.usable_keys(user):
        layout.empty(
            ":material/key:",
            "First a key",
            "An agent needs a model. Add a key of your own, or try the built-in model.",
            agent_form.no_key_yet,
        )
        st.stop()
    fields = agent_form.draw(user, None, "agent_new")
    if fields is not None:
        with reporting():
            created = core.agents.create(user, fields)
            done("The agent was created.")
            navigation.go(navigation.AGENT, id=created.id)
    st.stop()

try:
    agent = core.agents.get(user, agent_id)
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    navigation.link(navigation.AGENTS, "All agents", icon=":material/arrow_back:")
    st.stop()


@st.dialog("Delete this agent?")
@guarded
def confirm_delete() -> None:
    """Ask before the agent is gone."""
    st.write(f"**{agent.definition.name}** will be gone. Its runs and their costs stay.")
    if st.button("Delete agent", type="primary", key="agent_delete_yes"):
        with reporting():
            core.agents.delete(user, agent.id)
            done("The agent was deleted.")
            navigation.go(navigation.AGENTS)


with layout.header(agent.definition.name, f"{agent.definition.role} · {agent.definition.model}"):
    if agent.access.reaches("run"):
        navigation.link(navigation.API, "Use by API", icon=":material/api:", agent=agent.id)
    if agent.access.is_owner:
        if st.button("Share", icon=":material/share:", key="agent_share"):
            share_dialog.share_agent(agent)
        if st.button("Delete", icon=":material/delete:", type="tertiary", key="agent_delete"):
            confirm_delete()

rights.explain(user, "agents.edit", "runs.start")
share_dialog.explain_agent(agent)
problem = core.agents.key_problem(user, agent.id) if agent.access.reaches("run") else None
if problem:
    st.warning(answer.harmless(problem), icon=":material/key_off:")
runs = core.runs.list(user, agent_id=agent.id)
is_sample = not runs and agent.definition.role == agent_form.SAMPLE["role"]
run_tab, settings_tab, runs_tab = st.tabs(["Run", "Settings", "Runs"])
with run_tab:
    can_run = rights.may(user, "runs.start") and agent.access.reaches("run") and not problem
    run_form.draw(user, agent, is_sample=is_sample, can_run=can_run)
with settings_tab:
    if agent.access.reaches("edit"):
        fields = agent_form.draw(user, agent, f"agent_{agent.id}_{agent.revision}")
        if fields is not None:
            with reporting():
                core.agents.update(user, agent.id, fields, agent.revision)
                done("The changes were saved.")
                st.rerun()
    else:
        agent_form.show(agent.definition)
with runs_tab:
    if runs:
        layout.run_rows(runs)
    else:
        st.caption("This agent has not run yet.")
