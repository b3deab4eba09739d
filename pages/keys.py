"""Keys: how each one does, and adding and testing them."""

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.ui import answer, key_forms, key_list, key_state, layout, rights

core = runtime.get_core()
user = session.current_user()


def new_key_button(key: str) -> None:
    """Draw the way to a new key."""
    can_add = rights.may(user, "keys.edit")
    if st.button("New key", type="primary", icon=":material/add:", key=key, disabled=not can_add):
        key_forms.add_key()


healths = core.key_health.list(user)
with layout.header("Keys", "Kept encrypted, opened only for a call, never shown again." if healths else ""):
    if healths:
        new_key_button("keys_new")
rights.explain(user, "keys.edit")
if not healths:
    layout.empty(
        ":material/key:",
        "No keys yet",
        "A key lets your agents use a model: of OpenAI, Anthropic, Google, Mistral or Groq, any compatible server, "
        "Ollama, or the built-in demo model. Keys of e-mail and other services are kept here, too.",
        lambda: new_key_button("keys_first"),
    )
wanted = st.query_params.get("new")
if wanted:
    del st.query_params["new"]
    if rights.may(user, "keys.edit"):
        key_forms.add_key(first="email" if wanted == "email" else None)

chosen = key_list.choose(healths)
if healths and not chosen:
    st.caption("No key matches your search.")
for health in chosen:
    with st.container(border=True):
        key = health.key
        if key_list.row(health):
            runtime.wake_worker()
            with st.spinner("Testing …"), reporting():
                key_state.keep(key.id, core.keys.test(user, key.id))
                st.rerun()
        if not key_state.outcome(key) and health.trouble:
            st.caption(f":material/error: {answer.harmless(health.trouble)}")
        if health.state in ("failing", "lost") and key.access.reaches("edit") and rights.may(user, "keys.edit"):
            key_forms.ways_out(key)
if any(health.is_metered and health.use.totals(30).calls for health in healths):
    st.caption("Spend and bars are of the last 30 days. Of a key that is shared with you they are your own.")
