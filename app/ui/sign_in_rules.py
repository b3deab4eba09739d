"""The rules about signing in as fields of a form: Sign-in settings and the first-run wizard ask for the same."""

from __future__ import annotations

import streamlit as st

from app import runtime
from core.organisation.models import DemandedOf, OrganisationSettings, Registration

REGISTRATION: dict[Registration, str] = {
    "invite": "By invitation only",
    "open": "Anybody may register",
    "closed": "Nobody new",
}
TWO_FACTOR_FOR: dict[DemandedOf, str] = {
    "nobody": "Nobody",
    "admins": "Administrators",
    "everybody": "Everybody",
}
FIXED: dict[Registration, str] = {
    "invite": "People come by invitation only.",
    "open": "Anybody may register.",
    "closed": "Nobody can register.",
}


def fields(now: OrganisationSettings, prefix: str) -> dict[str, object]:
    """Draw the fields inside a form; return what they say, as ``Organisation.change`` takes it."""
    return {
        **_registration(now, prefix),
        "allowed_email_domains": _domains(now, prefix),
        "two_factor_for": st.selectbox(
            "Two-factor sign-in is demanded of",
            list(TWO_FACTOR_FOR),
            index=list(TWO_FACTOR_FOR).index(now.two_factor_for),
            format_func=TWO_FACTOR_FOR.__getitem__,
            help="Who has none yet sets it up before anything else. A password then needs 8 characters, not 15.",
            key=f"{prefix}_two_factor",
        ),
        "session_idle_minutes": st.number_input(
            "Signed out after idle minutes", 5, 1440, now.session_idle_minutes, key=f"{prefix}_idle"
        ),
    }


def _registration(now: OrganisationSettings, prefix: str) -> dict[str, object]:
    fixed = runtime.get_core().organisation.fixed_registration
    if fixed is not None:
        st.caption(f":material/lock: {FIXED[fixed]} It is set by `ZOARK_REGISTRATION={fixed}`, not here.")
        return {}
    chosen = st.radio(
        "Who may register",
        list(REGISTRATION),
        index=list(REGISTRATION).index(now.registration),
        format_func=REGISTRATION.__getitem__,
        horizontal=True,
        key=f"{prefix}_registration",
    )
    return {"registration": chosen}


def _domains(now: OrganisationSettings, prefix: str) -> list[str]:
    text = st.text_area(
        "Allowed e-mail domains",
        "\n".join(now.allowed_email_domains),
        placeholder="example.com",
        height=80,
        help="One a line. Who registers needs an address of one of them. Empty: any address.",
        key=f"{prefix}_domains",
    )
    return text.replace(",", "\n").split("\n")
