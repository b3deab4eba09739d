"""Inviting somebody by mail."""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, rights, step_up
from app.ui.person_dialogs import NO_DEPARTMENT, ROLES, roles_for
from core.accounts.models import User


def button(actor: User) -> None:
    """Draw the way to an invitation, where mail is set up and the actor has somewhere to invite to."""
    core = runtime.get_core()
    if not core.mail.is_set_up or core.settings.registration == "closed":
        return
    if not rights.may(actor, "people.manage") and actor.department is None:
        return
    if st.button("Invite", type="primary", icon=":material/person_add:", key="people_invite"):
        _invite()


@st.dialog("Invite somebody", on_dismiss="rerun")
@guarded
def _invite() -> None:
    core, actor = runtime.get_core(), session.current_user()
    departments = {department.slug: department.name for department in core.departments.all()}
    roles = roles_for(actor)
    with st.form("invite_form", border=False):
        email = st.text_input("E-mail", key="invite_email")
        role = st.selectbox(
            "Role", roles, index=roles.index("member"), format_func=ROLES.__getitem__, key="invite_role"
        )
        if rights.may(actor, "people.manage"):
            department = st.selectbox(
                "Department",
                [None, *departments],
                format_func=lambda slug: departments[slug] if slug else NO_DEPARTMENT,
                key="invite_department",
            )
        else:
            department = actor.department
            st.caption(f"They will belong to {answer.harmless(departments.get(department or '', NO_DEPARTMENT))}.")
        st.caption("The invitation works once, for 7 days.")
        asked = st.form_submit_button("Send invitation", type="primary", key="invite_send")

    def send(actor: User) -> None:
        core.mail_links.invite(actor, email, role, department)
        runtime.wake_worker()
        done(f"The invitation to {answer.harmless(email.strip())} is on its way.")
        st.rerun()

    step_up.carry_out("invite", asked, send)
