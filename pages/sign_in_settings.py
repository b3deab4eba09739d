"""Sign-in settings: what administrators decide about signing in and sessions."""

import streamlit as st

from app import runtime
from app.feedback import done
from app.ui import layout, provider_checks, step_up
from core.accounts.models import User

REGISTRATION = {
    "invite": "People come by invitation only.",
    "open": "Anybody may register.",
    "closed": "Nobody can register.",
}

TWO_FACTOR_FOR = {"nobody": "Nobody", "admins": "Administrators", "everybody": "Everybody"}

core = runtime.get_core()
with layout.header("Sign-in settings", "For everybody in this organisation."):
    pass
user = step_up.confirmed("settings", open_form="settings_company")
if user is not None:
    now = core.organisation.get()
    mode = core.settings.registration
    st.caption(f":material/lock: {REGISTRATION[mode]} It is set by `ZOARK_REGISTRATION={mode}`, not here.")
    with st.form("settings_form"):
        company_name = st.text_input("Company name", now.company_name, max_chars=80, key="settings_company")
        demanded = st.selectbox(
            "Two-factor sign-in is demanded of",
            list(TWO_FACTOR_FOR),
            index=list(TWO_FACTOR_FOR).index(now.two_factor_for),
            format_func=TWO_FACTOR_FOR.__getitem__,
            help="Who has none yet sets it up before anything else. A password then needs 8 characters, not 15.",
            key="settings_two_factor",
        )
        domains = st.text_area(
            "Allowed e-mail domains",
            "\n".join(now.allowed_email_domains),
            placeholder="example.com",
            help="One a line. Who registers needs an address of one of them. Empty: any address.",
            key="settings_domains",
        )
        left, right = st.columns(2)
        idle = left.number_input(
            "Signed out after idle minutes", 5, 1440, now.session_idle_minutes, key="settings_idle"
        )
        life = right.number_input(
            "Signed out at the latest after hours", 1, 336, now.session_life_hours, key="settings_life"
        )
        submitted = st.form_submit_button("Save", type="primary", key="settings_save")
    changes = {
        "company_name": company_name,
        "two_factor_for": demanded,
        "allowed_email_domains": domains.replace(",", "\n").split("\n"),
        "session_idle_minutes": idle,
        "session_life_hours": life,
    }

    def save(actor: User) -> None:
        """Store what the form says."""
        core.organisation.change(actor, changes)
        done("The settings were saved.")
        st.rerun()

    step_up.carry_out("settings", submitted, save)
    provider_checks.draw(user)
