"""Shared costs of a statement: what each department pays of them, and the rules that say so."""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.ui import answer, statement_rules
from app.ui.statement_words import SPLIT_BY, about_rule
from core import money
from core.months import name_of
from core.shared_costs.models import Rule, RuleName, SharedCost
from core.statements.models import Statement


def draw(statement: Statement, may_change: bool) -> None:
    """Draw who pays which part, and while they may be changed the costs and rules."""
    if statement.shares:
        st.dataframe(
            [
                {
                    "Cost": share.label,
                    "Whole": money.dollars(share.whole_micros),
                    "Split": SPLIT_BY[share.split_by],
                    "Department": statement.name_of(share.department),
                    "Part": money.dollars(share.micros),
                }
                for share in statement.shares
            ],
            hide_index=True,
            key="statement_shares",
            height="content",
            column_config={name: st.column_config.TextColumn(alignment="right") for name in ("Whole", "Part")},
        )
        st.caption(
            "Parts add up to the whole exactly. Where a rule says nothing, such as by use when nothing was used, "
            "all use, then heads, then equal parts take its place."
        )
    else:
        st.caption("Nothing is shared in this month.")
    if may_change:
        _costs()
        _standing_rules()


def _costs() -> None:
    costs = runtime.get_core().shared_costs.list(session.current_user())
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Shared costs", anchor=False, width="content")
        if st.button("Add shared cost", icon=":material/add:", key="statement_cost_new"):
            statement_rules.edit_cost(None)
    if not costs:
        st.caption("None yet. A server or a vector database is one: an amount a month that departments share.")
    for cost in costs:
        with st.container(
            border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            with st.container(gap="xsmall", width="stretch"):
                st.markdown(f"**{answer.harmless(cost.name)}**")
                st.caption(
                    f"{answer.harmless(money.dollars(cost.amount_micros))} · {_when(cost)} · "
                    f"{answer.harmless(about_rule(cost.rule, _names()))}"
                )
            if st.button("Change", icon=":material/edit:", key=f"statement_cost_{cost.id}"):
                statement_rules.edit_cost(cost)
            if st.button(
                "Delete", icon=":material/delete:", type="tertiary", key=f"statement_cost_delete_{cost.id}"
            ):
                statement_rules.delete_cost(cost)


def _standing_rules() -> None:
    rules = runtime.get_core().shared_costs.rules(session.current_user())
    st.subheader("Rules", anchor=False)
    standing: tuple[tuple[RuleName, str, Rule], ...] = (
        ("default", "Shared costs without a rule of their own", rules.default),
        ("no_department", "Pool calls without a department", rules.no_department),
    )
    for name, label, rule in standing:
        with st.container(
            border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            with st.container(gap="xsmall", width="stretch"):
                st.markdown(label)
                st.caption(answer.harmless(about_rule(rule, _names())))
            if st.button("Change", icon=":material/edit:", key=f"statement_rule_{name}"):
                statement_rules.edit_rule(name, label, rule)


def _when(cost: SharedCost) -> str:
    if cost.last_month == cost.first_month:
        return f"{name_of(cost.first_month)} only"
    until = f" to {name_of(cost.last_month)}" if cost.last_month else " on"
    return f"every month from {name_of(cost.first_month)}{until}"


def _names() -> dict[str, str]:
    return {department.slug: department.name for department in runtime.get_core().departments.all()}
