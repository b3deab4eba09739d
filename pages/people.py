"""People: who works here, with which role, in which department; change, suspend and reactivate them.

A manager sees their own department only, and can change its members and viewers.
"""

import streamlit as st

from app import runtime, session
from app.ui import answer, formats, invite_dialog, layout, person_dialogs, rights
from core.people.models import LIST_LIMIT, Person

core = runtime.get_core()
user = session.current_user()
departments = {department.slug: department.name for department in core.departments.all()}
is_admin = rights.may(user, "people.manage")


def row(person: Person) -> None:
    """Draw one person and what can be done with them."""
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(f"**{answer.harmless(person.name)}**", width="content")
                st.badge(person.role, color="violet" if person.role == "admin" else "gray")
                if not person.is_active:
                    st.badge("Suspended", color="red", icon=":material/block:")
                if person.has_two_factor:
                    st.badge("Two-factor", color="green", icon=":material/verified_user:")
                if person.id == user.id:
                    st.badge("You", color="blue")
            department = departments.get(person.department or "", person_dialogs.NO_DEPARTMENT)
            st.caption(
                answer.harmless(f"{person.email} · {department} · last seen {formats.ago(person.last_seen_at)}")
            )
        if rights.may_change(user, person):
            actions(person)


def actions(person: Person) -> None:
    """Draw what can be done with somebody who is within reach."""
    if st.button("Change", icon=":material/edit:", key=f"people_change_{person.id}"):
        person_dialogs.change(person)
    if person.id == user.id:
        return
    if (
        is_admin
        and person.has_two_factor
        and st.button("Reset two-factor", icon=":material/lock_reset:", key=f"people_reset_{person.id}")
    ):
        person_dialogs.reset_two_factor(person)
    if not person.is_active:
        if st.button("Reactivate", icon=":material/undo:", key=f"people_reactivate_{person.id}"):
            person_dialogs.reactivate(person)
    elif st.button("Suspend", icon=":material/block:", type="tertiary", key=f"people_suspend_{person.id}"):
        person_dialogs.suspend(person)


about = "A change holds from the person's next click."
if not is_admin and user.department:
    name = answer.harmless(departments.get(user.department, user.department))
    about = f"The people of {name}. You can change its members and viewers. {about}"
with layout.header("People", about):
    invite_dialog.button(user)
if not is_admin and user.department is None:
    st.info(
        "You have no department yet. An administrator has to give you one; then you see its people here.",
        icon=":material/domain:",
    )
words = st.text_input(
    "Search", placeholder="Search by name or e-mail", label_visibility="collapsed", key="people_search"
)
people = core.people.list(user, words)
if not people:
    st.caption("Nobody matches your search.")
for person in people:
    row(person)
if len(people) == LIST_LIMIT:
    st.caption(f"The first {LIST_LIMIT} people are shown. Search to find others.")
