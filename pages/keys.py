"""Keys: add, test, share and delete the keys of models, e-mail services and other services."""

import streamlit as st

from app import runtime, session, state
from app.feedback import reporting
from app.ui import answer, key_forms, key_state, layout, rights, share_dialog

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
        "A key lets your agents use a model: of OpenAI, Anthropic, Google, Mistral or Groq, any compatible server, "
        "Ollama, or the built-in demo model. Keys of e-mail and other services are kept here, too.",
        lambda: new_key_button("keys_first"),
    )
wanted = st.query_params.get("new")
to_move = st.session_state.pop(state.KEY_TO_MOVE, None)
if wanted:
    del st.query_params["new"]
    if rights.may(user, "keys.edit"):
        key_forms.add_key(first="email" if wanted == "email" else None)

for key in keys:
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(gap="xsmall", width=400):
                with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                    st.markdown(f"**{answer.harmless(key.name)}**", width="content")
                    key_state.test_badge(key)
                st.caption(key_state.facts(key))
            if key.access.reaches("run") and st.button(
                "Test", icon=":material/network_check:", key=f"keys_test_{key.id}"
            ):
                runtime.wake_worker()
                with st.spinner("Testing …"), reporting():
                    key_state.keep(key.id, core.keys.test(user, key.id))
                    st.rerun()
            if key.access.is_owner and st.button("Share", icon=":material/share:", key=f"keys_share_{key.id}"):
                share_dialog.share_key(key)
            can_edit = key.access.reaches("edit") and rights.may(user, "keys.edit")
            if can_edit and st.button("Edit", icon=":material/edit:", key=f"keys_edit_{key.id}"):
                key_forms.edit(key)
            if key.access.is_owner and st.button(
                "Delete", icon=":material/delete:", type="tertiary", key=f"keys_delete_{key.id}"
            ):
                key_forms.confirm_delete(key)
        if key_state.is_built_in(key):
            key_state.built_in()
        else:
            key_state.outcome(key)
        if can_edit and key_state.failed(key):
            key_forms.ways_out(key)
        if to_move == key.id and can_edit:
            key_forms.change_address(key)
