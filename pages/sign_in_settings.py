"""Sign-in settings: what administrators decide about signing in and sessions."""

import streamlit as st

from app import runtime
from app.feedback import done, reporting
from app.ui import layout, sign_in_rules, step_up

core = runtime.get_core()
with layout.header("Sign-in settings", "For everybody in this organisation."):
    pass
user = step_up.confirmed("settings")
if user is not None:
    now = core.organisation.get()
    with st.form("settings_form"):
        company_name = st.text_input("Company name", now.company_name, max_chars=80, key="settings_company")
        changes = sign_in_rules.fields(now, "settings")
        life = st.number_input(
            "Signed out at the latest after hours", 1, 336, now.session_life_hours, key="settings_life"
        )
        submitted = st.form_submit_button("Save", type="primary", key="settings_save")
    if submitted:
        with reporting():
            core.organisation.change(user, {"company_name": company_name, "session_life_hours": life, **changes})
            done("The settings were saved.")
            st.rerun()
