"""API: how programs run one agent, ready to be copied."""

import streamlit as st

from app import navigation, runtime, session
from app.ui import layout, rights, snippets
from app.ui.snippets import Snippet

core = runtime.get_core()
user = session.current_user()
agents = {agent.id: agent.definition.name for agent in core.agents.list(user) if agent.access.reaches("run")}


def draw(snippet: Snippet) -> None:
    """Draw one program."""
    st.caption(snippet.about)
    for name, value in snippet.facts:
        st.markdown(name)
        st.code(value, language=None, wrap_lines=True)
    st.code(snippet.text, language=snippet.language)


with layout.header("API", "Run your agents from scripts and from other tools."):
    if runtime.routes_are_there():
        st.link_button("Try it out", "/api/v1/docs", icon=":material/play_circle:")
        st.link_button("Reference", "/api/v1/redoc", icon=":material/menu_book:")
if not runtime.routes_are_there():
    st.info("This server shows the pages only: the API is not served here.", icon=":material/info:")
    st.stop()
rights.explain(user, "runs.start")
if not agents:
    layout.empty(
        ":material/api:",
        "First an agent",
        "The programs here run one of your agents. Make one, or have one shared with you.",
        lambda: navigation.link(navigation.AGENTS, "Agents", icon=":material/smart_toy:"),
    )
    st.stop()

wanted = st.query_params.get("agent")
agent_id = st.selectbox(
    "Agent",
    list(agents),
    list(agents).index(wanted) if wanted in agents else 0,
    format_func=agents.__getitem__,
    key="api_agent",
    width=420,
)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.markdown(
        "Programs sign in with a token that has the scopes `runs:read` and `runs:write`; set it once: "
        f"`export {snippets.TOKEN}=…`",
        width="content",
    )
    navigation.link(navigation.TOKENS, "API tokens", icon=":material/token:")
found = snippets.snippets(session.site(), agent_id)
for tab, snippet in zip(st.tabs([one.name for one in found]), found, strict=True):
    with tab:
        draw(snippet)
