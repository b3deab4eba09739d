"""Limits: requests and tokens a minute and runs at once, of people, departments and keys."""

import streamlit as st

from app import runtime, session
from app.ui import answer, formats, layout, limit_dialogs
from core.quotas.models import QuotaLine

WIDTHS = [4.2, 1.7, 1.7, 1.5, 2.6]

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
    who, requests, tokens, runs, actions = st.columns(WIDTHS, vertical_alignment="center")
    with who, st.container(gap=None):
        name = line.subject.name if line.subject else "Gone"
        st.markdown(f"{limit_dialogs.ICONS[line.quota.scope]} **{answer.harmless(name)}**")
        if line.subject is None:
            st.caption("What this limit was for has been deleted.")
        elif line.subject.about:
            st.caption(answer.harmless(line.subject.about))
        elif line.quota.is_for_every:
            st.caption("without a limit of its own")
    allowance = line.quota.allowance
    requests.markdown(formats.limit(allowance.requests_per_minute, "request", "a minute"))
    tokens.markdown(formats.limit(allowance.tokens_per_minute, "token", "a minute"))
    runs.markdown(formats.limit(allowance.concurrent_runs, "run", "at once"))
    if line.may_change:
        with actions, st.container(horizontal=True, horizontal_alignment="right", gap="small"):
            if line.subject and st.button("Edit", icon=":material/edit:", key=f"limits_edit_{line.quota.id}"):
                limit_dialogs.edit(line)
            if st.button("Remove", icon=":material/close:", type="tertiary", key=f"limits_remove_{line.quota.id}"):
                limit_dialogs.remove(line)


about = (
    "Calls over a limit wait until there is room; runs over one wait for their turn. "
    "A limit of its own replaces the one for every person, department or key."
)
with layout.header("Limits", about if lines else ""):
    if subjects and lines:
        new_button("limits_new")
if not lines:
    layout.empty(
        ":material/speed:",
        "Nothing is limited",
        "A limit keeps one person, department or key from using everything up: so many requests and tokens a "
        "minute, so many runs at once."
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
