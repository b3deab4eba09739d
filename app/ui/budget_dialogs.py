"""The dialogs of the Budgets page: set a limit, change it, take it away."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import amounts, answer, step_up
from core.accounts.models import User
from core.budgets.models import PERIODS, SCOPES, BudgetState, Period, Scope, Subject
from core.errors import Invalid

SCOPE_NAMES: Mapping[Scope, str] = {
    "organisation": "The organisation",
    "department": "A department",
    "person": "A person",
    "key": "A key",
    "agent": "An agent",
}
PERIOD_NAMES: Mapping[Period, str] = {"day": "A day", "month": "A month"}


def scopes_of(actor: User) -> dict[Scope, dict[str, Subject]]:
    """Return whom and what the actor may give a budget, by scope and id; scopes without any are left out."""
    budgets = runtime.get_core().budgets
    found = {scope: {subject.id: subject for subject in budgets.candidates(actor, scope)} for scope in SCOPES}
    return {scope: subjects for scope, subjects in found.items() if subjects}


@st.dialog("New budget", on_dismiss="rerun")
@guarded
def add(offered: Mapping[Scope, Mapping[str, Subject]]) -> None:
    """Ask what may be spent, by whom or on what, and in which time."""
    scope = st.selectbox("For", list(offered), format_func=SCOPE_NAMES.__getitem__, key="budgets_scope")
    subjects = offered[scope]
    scope_id: str | None = ""
    if scope != "organisation":
        scope_id = st.selectbox(
            "Which",
            list(subjects),
            index=None,
            placeholder="Choose or type to search",
            format_func=lambda of: name(subjects[of]),
            key=f"budgets_of_{scope}",
        )
    with st.form("budgets_add_form", border=False):
        period = st.segmented_control(
            "In",
            list(PERIODS),
            default="month",
            required=True,
            format_func=PERIOD_NAMES.__getitem__,
            key="budgets_period",
        )
        limit = st.text_input(
            "At most", placeholder="50.00", help="US dollars. Days and months are UTC.", key="budgets_limit"
        )
        submitted = st.form_submit_button("Set budget", type="primary", key="budgets_add")

    def save(actor: User) -> None:
        if scope_id is None:
            raise Invalid("Choose what the budget is for.", "scope_id")
        state = runtime.get_core().budgets.add(actor, scope, scope_id, period, _limit(limit))
        done(f"The budget of {answer.harmless(state.subject.name)} was set.")
        st.rerun()

    step_up.carry_out("budgets_add", submitted, save)


@st.dialog("Change this budget", on_dismiss="rerun")
@guarded
def change(state: BudgetState) -> None:
    """Ask for another limit, or take it away."""
    budget = state.budget
    st.markdown(f"**{answer.harmless(state.subject.name)}**, {PERIOD_NAMES[budget.period].lower()}")
    with st.form("budgets_change_form", border=False):
        limit = st.text_input(
            "At most",
            amounts.dollars(budget.limit_micros),
            help="US dollars. It holds from the next call on.",
            key=f"budgets_limit_{budget.id}",
        )
        save_it, delete_it = st.columns(2)
        saved = save_it.form_submit_button("Save", type="primary", key="budgets_save")
        deleted = delete_it.form_submit_button("Delete this budget", type="tertiary", key="budgets_delete")
    # One question for both: which button was meant is kept while it is asked.
    if saved or deleted:
        st.session_state["budgets_meant"] = "delete" if deleted else "save"

    def carry_out(actor: User) -> None:
        budgets = runtime.get_core().budgets
        if st.session_state.get("budgets_meant") == "delete":
            budgets.delete(actor, budget.id)
            done("The budget was deleted.")
        else:
            budgets.change(actor, budget.id, _limit(limit))
            done("The budget was changed.")
        st.rerun()

    step_up.carry_out("budgets_change", saved or deleted, carry_out)


def name(subject: Subject) -> str:
    """Return how somebody tells two subjects apart."""
    if subject.scope in ("key", "agent"):
        return f"{subject.name} · {'pool' if subject.is_pool else subject.owner_name}"
    return subject.name


def _limit(typed: str) -> int:
    return amounts.needed(amounts.micros(typed), "limit_micros")
