"""Adjustments of a statement: what was added or taken off, and why."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import amounts, answer, step_up
from core import money
from core.accounts.models import User
from core.months import name_of
from core.statements.models import Adjustment, Statement


def draw(statement: Statement, may_change: bool) -> None:
    """Draw the adjustments, and while they may be changed the ways to do it."""
    taken_back = {one.reverses for one in statement.adjustments}
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(
            "Amounts added to what a department pays, or taken off. One is taken back by another; both stay."
        )
        if may_change and st.button("Add adjustment", icon=":material/add:", key="statement_adjust"):
            _add(statement)
    if not statement.adjustments:
        st.caption("No adjustments in this month.")
    for one in statement.adjustments:
        with st.container(
            border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            with st.container(gap="xsmall", width="stretch"):
                st.markdown(answer.harmless(one.reason))
                st.caption(
                    f"{answer.harmless(statement.name_of(one.department))} · {answer.harmless(one.person)} · "
                    f"{one.at:%Y-%m-%d}"
                )
            st.markdown(f"**{answer.harmless(money.dollars(one.micros))}**", width="content")
            can_reverse = may_change and one.reverses is None and one.id not in taken_back
            if can_reverse and st.button(
                "Take back", icon=":material/undo:", type="tertiary", key=f"statement_reverse_{one.id}"
            ):
                _reverse(one)


@st.dialog("Add an adjustment", on_dismiss="rerun")
@guarded
def _add(statement: Statement) -> None:
    core = runtime.get_core()
    departments = {department.slug: department.name for department in core.departments.all()}
    st.caption(f"It goes on the statement of {name_of(statement.month)}.")
    with st.form("statement_adjust_form", border=False):
        department = st.selectbox(
            "Department", list(departments), format_func=departments.__getitem__, key="statement_adjust_department"
        )
        dollars = st.text_input(
            "Amount in dollars",
            placeholder="-12.50",
            help="With a minus it is taken off what the department pays.",
            key="statement_adjust_amount",
        )
        reason = st.text_input("Reason", max_chars=200, key="statement_adjust_reason")
        submitted = st.form_submit_button("Add adjustment", type="primary", key="statement_adjust_add")

    def add(actor: User) -> None:
        amount = amounts.needed(amounts.signed(dollars), "amount")
        core.statements.adjust(actor, statement.month, str(department), amount, reason)
        done("The adjustment was added.")
        st.rerun()

    step_up.carry_out("statement_adjust", submitted, add)


@st.dialog("Take this adjustment back?", on_dismiss="rerun")
@guarded
def _reverse(one: Adjustment) -> None:
    st.write(
        f"An adjustment of **{answer.harmless(money.dollars(-one.micros))}** is added. Both stay on the statement."
    )

    def reverse(actor: User) -> None:
        runtime.get_core().statements.reverse(actor, one.id)
        done("The adjustment was taken back.")
        st.rerun()

    pressed = st.button("Take back", type="primary", key="statement_reverse_yes")
    step_up.carry_out("statement_reverse", pressed, reverse)
