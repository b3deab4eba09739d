"""One key: how it does, what it costs, what and who uses it, and its end."""

import streamlit as st

from app import navigation, runtime, session, state
from app.feedback import reporting
from app.ui import answer, key_care, key_forms, key_health, key_state, layout, rights, share_dialog
from core.errors import NotFound

core = runtime.get_core()
user = session.current_user()

navigation.link(navigation.KEYS, "All keys", icon=":material/arrow_back:")
try:
    health = core.key_health.get(user, st.query_params.get("id", ""))
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    st.stop()
key = health.key
may_edit = rights.may(user, "keys.edit")
cares = health.is_looked_after and may_edit

with layout.header(answer.harmless(key.name)):
    if key.access.is_owner and st.button("Share", icon=":material/share:", key="key_share"):
        share_dialog.share_key(key)
    if key.access.reaches("edit") and may_edit and st.button("Edit", icon=":material/edit:", key="key_edit"):
        key_forms.edit(key)
    can_test = key.access.reaches("run") and not key.disabled_at
    if can_test and st.button("Test", type="primary", icon=":material/network_check:", key="key_test"):
        runtime.wake_worker()
        with st.spinner("Testing …"), reporting():
            key_state.keep(key.id, core.keys.test(user, key.id))
            st.rerun()
    can_enable = cares and key.disabled_at is not None
    is_wanted = can_enable and st.button("Enable", type="primary", icon=":material/play_circle:", key="key_enable")
with st.container(horizontal=True, gap="small", vertical_alignment="center"):
    key_state.chip(health)
    if key.is_pool:
        st.badge("Company key", color="violet", icon=":material/corporate_fare:")
    st.caption(f"{key_state.facts(key)} · {key_health.moments(health)}", width="content")

if can_enable:
    key_care.enable(key, is_wanted)
if not key_state.outcome(key):
    key_health.warnings(health)
may_fix = key.access.reaches("edit") and may_edit
if may_fix and health.state in ("failing", "lost"):
    key_forms.ways_out(key)
if st.session_state.pop(state.KEY_TO_MOVE, None) == key.id and may_fix:
    key_forms.change_address(key)
key_health.figures(health)
key_health.use_per_day(health)

left, right = st.columns(2)
with left:
    key_health.used_by(user, health.dependents)
with right:
    st.subheader("Who may use it", anchor=False)
    if health.is_looked_after:
        key_health.who_may(health.shares)
    else:
        st.caption(f"{answer.harmless(key.access.owner_name)} decides with whom it is shared.")

if cares:
    st.subheader("Expiry", anchor=False)
    key_care.expiry(user, key)
if health.is_looked_after:
    st.subheader("Danger zone", anchor=False)
    with st.container(border=True):
        if cares and not key.disabled_at:
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown("**Disable**: nobody can use it until it is enabled again.", width="content")
                if st.button("Disable", icon=":material/block:", key="key_disable"):
                    key_care.confirm_disable(key)
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown("**Delete**: its secret is erased; what it has cost stays in the books.", width="content")
            if st.button("Delete", icon=":material/delete:", key="key_delete"):
                key_care.confirm_delete(key)
