"""The dialogs of the People page: change a person, suspend a person."""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, step_up
from core.accounts.models import Role
from core.people.models import Person

ROLES: dict[Role, str] = {
    "viewer": "Viewer: looks, changes nothing",
    "member": "Member: own keys, agents and runs",
    "manager": "Manager: like a member",
    "admin": "Administrator: everything, people included",
}
NO_DEPARTMENT = "No department"


@st.dialog("Change a person")
@guarded
def change(person: Person) -> None:
    """Ask for role and department; end sessions."""
    core, actor = runtime.get_core(), session.current_user()
    st.markdown(f"**{answer.harmless(person.name)}**")
    st.caption(answer.harmless(person.email))
    departments = {d.slug: d.name for d in core.departments.all()}
    slugs = [None, *departments]
    with st.form("people_form", border=False):
        role = st.selectbox(
            "Role",
            list(ROLES),
            index=list(ROLES).index(person.role),
            format_func=ROLES.__getitem__,
            key=f"people_role_{person.id}",
        )
        department = st.selectbox(
            "Department",
            slugs,
            index=slugs.index(person.department),
            format_func=lambda slug: departments[slug] if slug else NO_DEPARTMENT,
            key=f"people_department_{person.id}",
        )
        submitted = st.form_submit_button("Save changes", type="primary", key="people_save")
    if submitted:
        with reporting():
            core.people.set_role(actor, person.id, role)
            core.people.set_department(actor, person.id, department)
            done(f"The changes to {answer.harmless(person.name)} were saved.")
            st.rerun()
    if person.is_active and st.button("Sign out everywhere", icon=":material/logout:", key="people_end_sessions"):
        with reporting():
            count = core.sessions.end_all_of(actor, person.id)
            done(f"{count} session(s) of {answer.harmless(person.name)} were ended.")
            st.rerun()


@st.dialog("Suspend this person?")
@guarded
def suspend(person: Person) -> None:
    """Say what happens and ask."""
    st.write(
        f"**{answer.harmless(person.name)}** is signed out everywhere at once and cannot sign in any more; "
        "runs that wait or work are cancelled. Keys, agents and costs stay. You can reactivate them at any time."
    )
    if st.button("Suspend", type="primary", key="people_suspend_yes"):
        with reporting():
            runtime.get_core().people.suspend(session.current_user(), person.id)
            done(f"{answer.harmless(person.name)} was suspended.")
            st.rerun()


@st.dialog("Reset two-factor sign-in?")
@guarded
def reset_two_factor(person: Person) -> None:
    """Say what happens and ask, after a step-up."""
    actor = step_up.confirmed("people_reset")
    if actor is None:
        return
    st.write(
        f"**{answer.harmless(person.name)}** signs in with the password only until they set it up again; "
        "their authenticator app and their passkeys stop working. "
        "Make sure that it is really them who asks."
    )
    if st.button("Reset", type="primary", key="people_reset_yes"):
        with reporting():
            runtime.get_core().two_factor.reset(actor, person.id)
            done(f"Two-factor sign-in of {answer.harmless(person.name)} is off.")
            st.rerun()
