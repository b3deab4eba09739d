"""Sign-in settings: what administrators decide about signing in and sessions."""

import streamlit as st

from app import runtime
from app.feedback import done
from app.ui import layout, provider_checks, sign_in_rules, step_up
from core.accounts.models import User

core = runtime.get_core()
with layout.header("Sign-in settings", "For everybody in this organisation."):
    pass
user = step_up.confirmed("settings", open_form="settings_company")
if user is not None:
    now = core.organisation.get()
    with st.form("settings_form"):
        company_name = st.text_input("Company name", now.company_name, max_chars=80, key="settings_company")
        changes = sign_in_rules.fields(now, "settings")
        life = st.number_input(
            "Signed out at the latest after hours", 1, 336, now.session_life_hours, key="settings_life"
        )
        submitted = st.form_submit_button("Save", type="primary", key="settings_save")

    def save(actor: User) -> None:
        """Store what the form says."""
        core.organisation.change(actor, {"company_name": company_name, "session_life_hours": life, **changes})
        done("The settings were saved.")
        st.rerun()

    step_up.carry_out("settings", submitted, save)
    provider_checks.draw(user)
