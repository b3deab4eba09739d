"""The dialogs of the People page: change a person, suspend or reactivate one, sign one out, reset two-factor."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import runtime, session
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, rights, step_up
from core.accounts.models import Role, User
from core.accounts.reach import MANAGED
from core.people.models import Person

ROLES: dict[Role, str] = {
    "viewer": "Viewer: looks, changes nothing",
    "member": "Member: own keys, agents and runs",
    "manager": "Manager: a member who looks after a department",
    "admin": "Administrator: everything, people included",
}
NO_DEPARTMENT = "No department"


def roles_for(actor: User) -> list[Role]:
    """Return the roles that somebody may give."""
    return list(ROLES if rights.may(actor, "people.manage") else MANAGED)


# A dialog that is closed is drawn anew: a confirmation that was asked for in it is forgotten.
@st.dialog("Change a person", on_dismiss="rerun")
@guarded
def change(person: Person) -> None:
    """Ask for role and department; sign out everywhere."""
    core, actor = runtime.get_core(), session.current_user()
    st.markdown(f"**{answer.harmless(person.name)}**")
    st.caption(answer.harmless(person.email))
    roles = roles_for(actor)
    with st.form("people_form", border=False):
        role = st.selectbox(
            "Role",
            roles,
            index=roles.index(person.role),
            format_func=ROLES.__getitem__,
            key=f"people_role_{person.id}",
        )
        department = person.department
        if rights.may(actor, "people.manage"):
            department = _department(person)
        submitted = st.form_submit_button("Save changes", type="primary", key="people_save")

    def save(actor: User) -> None:
        core.people.change(actor, person.id, role, department)
        _done(f"The changes to {answer.harmless(person.name)} were saved.")

    def sign_out(actor: User) -> None:
        count = core.people.end_sessions(actor, person.id)
        _done(f"{count} session(s) of {answer.harmless(person.name)} were ended.")

    step_up.carry_out(f"people_change_{person.id}", submitted, save)
    if person.is_active:
        pressed = st.button("Sign out everywhere", icon=":material/logout:", key="people_end_sessions")
        step_up.carry_out(f"people_end_{person.id}", pressed, sign_out)


@st.dialog("Suspend this person?", on_dismiss="rerun")
@guarded
def suspend(person: Person) -> None:
    """Say what happens and ask."""
    name, people = answer.harmless(person.name), runtime.get_core().people
    st.write(
        f"**{name}** is signed out everywhere at once and cannot sign in any more; runs that wait or work are "
        "cancelled. Keys, agents and costs stay. You can reactivate them at any time."
    )
    _ask("suspend", "Suspend", person, people.suspend, f"{name} was suspended.")


@st.dialog("Reactivate this person?", on_dismiss="rerun")
@guarded
def reactivate(person: Person) -> None:
    """Say what happens and ask."""
    name, people = answer.harmless(person.name), runtime.get_core().people
    st.write(f"**{name}** can sign in again, with the role and the keys of before.")
    _ask("reactivate", "Reactivate", person, people.reactivate, f"{name} can sign in again.")


@st.dialog("Reset two-factor sign-in?", on_dismiss="rerun")
@guarded
def reset_two_factor(person: Person) -> None:
    """Say what happens and ask."""
    name, two_factor = answer.harmless(person.name), runtime.get_core().two_factor
    st.write(
        f"**{name}** is signed out everywhere and signs in with the password only until they set it up again; "
        "their authenticator app and their passkeys stop working. "
        "Make sure that it is really them who asks."
    )
    _ask("reset", "Reset", person, two_factor.reset, f"Two-factor sign-in of {name} is off.")


def _ask(what: str, label: str, person: Person, act: Callable[[User, str], object], sentence: str) -> None:
    def go_on(actor: User) -> None:
        act(actor, person.id)
        _done(sentence)

    pressed = st.button(label, type="primary", key=f"people_{what}_yes")
    step_up.carry_out(f"people_{what}_{person.id}", pressed, go_on)


def _done(sentence: str) -> None:
    runtime.wake_worker()  # the person may be told by mail
    done(sentence)
    st.rerun()


def _department(person: Person) -> str | None:
    departments = {department.slug: department.name for department in runtime.get_core().departments.all()}
    slugs = [None, *departments]
    return st.selectbox(
        "Department",
        slugs,
        index=slugs.index(person.department),
        format_func=lambda slug: departments[slug] if slug else NO_DEPARTMENT,
        key=f"people_department_{person.id}",
    )
