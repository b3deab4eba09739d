"""Budgets: what may be spent, by whom and on what, and how much of it is used."""

import streamlit as st

from app import runtime, session
from app.ui import budget_dialogs, budget_rows, layout

core = runtime.get_core()
user = session.current_user()

offered = budget_dialogs.scopes_of(user)
budgets = core.budgets.list(user)


def new_budget_button(key: str) -> None:
    """Draw the way to a new budget."""
    if st.button("New budget", type="primary", icon=":material/add:", key=key):
        budget_dialogs.add(offered)


with layout.header("Budgets", "A call that may not fit is not sent. Days and months are UTC." if budgets else ""):
    if budgets and offered:
        new_budget_button("budgets_new")
if not budgets:
    layout.empty(
        ":material/savings:",
        "No budgets yet",
        "A budget stops calls of models before they cost too much: in a day or a month, for the organisation, a "
        "department, a person, a key or an agent."
        if offered
        else "Nobody has set a budget that concerns you.",
        (lambda: new_budget_button("budgets_first")) if offered else None,
    )
for state in budgets:
    budget_rows.draw(state)
