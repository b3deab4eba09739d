"""Keys: add, test and delete the keys of model providers."""

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.ui import formats, key_forms, key_state, layout, rights
from core.llm.registry import provider_named

core = runtime.get_core()
user = session.current_user()


def new_key_button(key: str) -> None:
    """Draw the way to a new key."""
    can_add = rights.may(user, "keys.edit")
    if st.button("New key", type="primary", icon=":material/add:", key=key, disabled=not can_add):
        key_forms.add_key()


keys = core.keys.list(user)
with layout.header("Keys", "Kept encrypted, opened only for a call, never shown again." if keys else ""):
    if keys:
        new_key_button("keys_new")
rights.explain(user, "keys.edit")
if not keys:
    layout.empty(
        ":material/key:",
        "No keys yet",
        "A key lets your agents use a model: OpenAI, any compatible server, Ollama, or the built-in demo model.",
        lambda: new_key_button("keys_first"),
    )
if st.query_params.get("new"):
    del st.query_params["new"]
    if rights.may(user, "keys.edit"):
        key_forms.add_key()

for key in keys:
    provider = provider_named(key.provider)
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(gap="xsmall", width="stretch"):
                with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                    st.markdown(f"**{key.name.replace('[', '(').replace(']', ')')}**", width="content")
                    key_state.test_badge(key)
                facts = [
                    provider.label,
                    key.hint and f"`{key.hint}`",
                    provider.asks_base_url and f"`{key.base_url}`",
                ]
                st.caption(
                    " · ".join([str(f) for f in facts if f] + [f"last used {formats.ago(key.last_used_at)}"])
                )
            if st.button("Test", icon=":material/network_check:", key=f"keys_test_{key.id}"):
                runtime.wake_worker()
                with st.spinner("Testing …"), reporting():
                    st.session_state[f"keys_outcome_{key.id}"] = core.keys.test(user, key.id)
                    st.rerun()
            if st.button("Delete", icon=":material/delete:", type="tertiary", key=f"keys_delete_{key.id}"):
                key_forms.confirm_delete(key)
        outcome = st.session_state.pop(f"keys_outcome_{key.id}", None)
        if provider.is_built_in:
            key_state.built_in()
        elif outcome is not None:
            (st.success if outcome.ok else st.error)(outcome.message)
