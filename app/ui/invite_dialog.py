"""Inviting people from the People page."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.guarded import guarded
from app.ui import invitations, rights
from core.accounts.models import User


def button(actor: User) -> None:
    """Draw the way to an invitation, unless nobody new is taken in or the actor has nowhere to invite to."""
    if runtime.get_core().organisation.registration() == "closed":
        return
    if not rights.may(actor, "people.manage") and actor.department is None:
        return
    if st.button("Invite", type="primary", icon=":material/person_add:", key="people_invite"):
        invitations.forget("invite")
        _invite()


@st.dialog("Invite people", width="medium", on_dismiss="rerun")
@guarded
def _invite() -> None:
    invitations.form("invite")
