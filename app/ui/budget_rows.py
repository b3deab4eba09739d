"""A budget as a row: what it is for, how much of it is used, and whether it is near its end."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import navigation
from app.ui import answer, budget_dialogs, formats
from core.budgets.models import BudgetState, Period, Scope

_ICONS: Mapping[Scope, str] = {
    "organisation": ":material/corporate_fare:",
    "department": ":material/domain:",
    "person": ":material/person:",
    "key": ":material/key:",
    "agent": ":material/smart_toy:",
}
_TIMES: Mapping[Period, str] = {"day": "today", "month": "this month"}


def draw(state: BudgetState) -> None:
    """Draw one budget and, for whoever may change it, the way to."""
    budget = state.budget
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content"):
                label = answer.harmless(budget_dialogs.name(state.subject))
                st.markdown(f"{_ICONS[budget.scope]} **{label}**", width="content")
                badge(state)
            with st.container(horizontal=True, gap="small", vertical_alignment="center", width="content"):
                st.markdown(f"**{_money(state.spent_micros)}** of {_money(budget.limit_micros)}", width="content")
                if state.may_change and st.button(
                    "Change", icon=":material/edit:", key=f"budgets_edit_{budget.id}"
                ):
                    budget_dialogs.change(state)
        st.progress(min(1.0, state.share))
        st.caption(_facts(state))


def badge(state: BudgetState) -> None:
    """Draw the chip of a budget that is nearly or wholly used."""
    percent = int(state.share * 100)
    if percent >= 100:
        st.badge("Used up", color="red", icon=":material/block:")
    elif percent >= 80:
        st.badge(f"{percent} % used", color="orange", icon=":material/warning:")
    elif percent >= 50:
        st.badge(f"{percent} % used", color="yellow")


def warn(states: list[BudgetState]) -> None:
    """Draw the budgets that are nearly or wholly used, where people begin their day."""
    for state in states[:3]:
        text = (
            f"The budget of **{answer.harmless(state.subject.name)}** {_TIMES[state.budget.period]}: "
            f"{_money(state.spent_micros)} of {_money(state.budget.limit_micros)} is used."
        )
        if state.left_micros:
            st.warning(text, icon=":material/savings:")
        else:
            st.error(f"{text} Nothing more is sent to models on it.", icon=":material/savings:")
    if states:
        navigation.link(navigation.BUDGETS, "Budgets", icon=":material/arrow_forward:")


def _money(micros: int) -> str:
    return answer.harmless(formats.money(micros))  # two dollar signs would be mathematics


def _facts(state: BudgetState) -> str:
    facts = [_TIMES[state.budget.period], f"{_money(state.left_micros)} left"]
    if state.reserved_micros:
        facts.append(f"{_money(state.reserved_micros)} held for calls under way")
    return " · ".join(facts)
