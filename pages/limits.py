"""Limits: requests and tokens a minute and runs at once, of people, departments and keys."""

import streamlit as st

from app import runtime, session
from app.ui import answer, formats, layout, limit_dialogs
from core.quotas.models import QuotaLine

core = runtime.get_core()
user = session.current_user()
lines = core.quotas.list(user)
subjects = core.quotas.subjects(user)


def new_button(key: str) -> None:
    """Draw the way to a new limit."""
    if st.button("New limit", type="primary", icon=":material/add:", key=key):
        limit_dialogs.add()


def row(line: QuotaLine) -> None:
    """Draw one rule and what can be done with it."""
    who, what, actions = st.columns([3.3, 4.2, 2.5], vertical_alignment="center")
    name, about = limit_dialogs.named(line)
    with who, st.container(gap=None):
        st.markdown(f"{limit_dialogs.ICONS[line.quota.scope]} **{answer.harmless(name)}**")
        st.caption(answer.harmless(about))
    what.markdown(formats.allowance(line.quota.allowance))
    if line.may_change:
        with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            if line.subject and st.button("Edit", icon=":material/edit:", key=f"limits_edit_{line.quota.id}"):
                limit_dialogs.edit(line)
            if st.button("Remove", icon=":material/close:", type="tertiary", key=f"limits_remove_{line.quota.id}"):
                limit_dialogs.remove(line)


about = (
    "What is over a limit waits until there is room. Somebody's own limit replaces the one for everybody, whole."
)
with layout.header("Limits", about if lines else ""):
    if subjects and lines:
        new_button("limits_new")
if not lines:
    layout.empty(
        ":material/speed:",
        "Nothing is limited",
        "A limit keeps one person, department or key from using everything up."
        if subjects
        else "No limit is set that holds for you. Administrators can set some.",
        (lambda: new_button("limits_first")) if subjects else None,
    )
    st.stop()

with st.container(border=True, gap="xsmall"):
    for position, line in enumerate(lines):
        if position:
            layout.rule()
        row(line)
