"""The dialogs of shared costs and of the rules that split them."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import amounts, answer, step_up
from app.ui.statement_words import SPLIT_BY
from core import clock, months
from core.accounts.models import User
from core.shared_costs.models import RULE_KINDS, Rule, RuleKind, RuleName, SharedCost

DEFAULT = "default"
MONTHS_AHEAD = 12


@st.dialog("Shared cost", on_dismiss="rerun")
@guarded
def edit_cost(cost: SharedCost | None) -> None:
    """Ask for name, amount, months and rule of a new cost or one that is there."""
    core, key = runtime.get_core(), cost.id if cost else "new"
    present = months.month_of(clock.now())
    firsts = months.span(
        min(months.shifted(present, -MONTHS_AHEAD), cost.first_month if cost else present),
        months.shifted(present, MONTHS_AHEAD),
    )
    with st.container():
        name = st.text_input("Name", cost.name if cost else "", max_chars=80, key=f"statement_cost_name_{key}")
        dollars = st.text_input(
            "Amount in dollars",
            amounts.dollars(cost.amount_micros) if cost else "",
            placeholder="20.00",
            help="What it costs a month.",
            key=f"statement_cost_amount_{key}",
        )
        left, right = st.columns(2)
        first = left.selectbox(
            "First month",
            firsts,
            index=firsts.index(cost.first_month if cost else present),
            format_func=months.name_of,
            key=f"statement_cost_first_{key}",
        )
        lasts = [None, *(month for month in firsts if first is None or month >= first)]
        last = right.selectbox(
            "Last month",
            lasts,
            index=lasts.index(cost.last_month) if cost and cost.last_month in lasts else 0,
            format_func=lambda month: months.name_of(month) if month else "Every month on",
            key=f"statement_cost_last_{key}",
        )
        rule = _rule_fields(cost.rule if cost else None, f"statement_cost_rule_{key}", with_default=True)
        submitted = st.button("Save cost" if cost else "Add cost", type="primary", key="statement_cost_save")

    def save(actor: User) -> None:
        amount = amounts.needed(amounts.micros(dollars), "amount")
        draft = SharedCost(cost.id if cost else "", name, amount, str(first), last, rule)
        (core.shared_costs.change if cost else core.shared_costs.add)(actor, draft)
        done("The shared cost was saved.")
        st.rerun()

    step_up.carry_out("statement_cost", submitted, save)


@st.dialog("Delete this shared cost?", on_dismiss="rerun")
@guarded
def delete_cost(cost: SharedCost) -> None:
    """Say what happens and ask."""
    st.write(
        f"**{answer.harmless(cost.name)}** is taken out of every month that is open. Closed months keep it. To end "
        "it with a month, change its last month instead."
    )

    def delete(actor: User) -> None:
        runtime.get_core().shared_costs.delete(actor, cost.id)
        done("The shared cost was deleted.")
        st.rerun()

    pressed = st.button("Delete cost", type="primary", key="statement_cost_delete_yes")
    step_up.carry_out("statement_cost_delete", pressed, delete)


@st.dialog("Change this rule", on_dismiss="rerun")
@guarded
def edit_rule(name: RuleName, label: str, present: Rule) -> None:
    """Ask for a standing rule."""
    st.caption(f"{label}. It holds for every month that is open.")
    rule = _rule_fields(present, f"statement_rule_{name}", with_default=False)
    submitted = st.button("Save rule", type="primary", key="statement_rule_save")

    def save(actor: User) -> None:
        runtime.get_core().shared_costs.set_rule(actor, name, rule or present)
        done("The rule was saved.")
        st.rerun()

    step_up.carry_out("statement_rule", submitted, save)


def _rule_fields(present: Rule | None, key: str, *, with_default: bool) -> Rule | None:
    kinds: list[RuleKind | str] = [*([DEFAULT] if with_default else []), *RULE_KINDS]
    kind = st.selectbox(
        "Split",
        kinds,
        index=kinds.index(present.kind if present else DEFAULT),
        format_func=lambda kind: "By the default rule" if kind == DEFAULT else SPLIT_BY[kind],
        key=f"{key}_kind",
    )
    wanted = next((known for known in RULE_KINDS if known == kind), None)
    if wanted is None:
        return None
    return Rule(wanted, _percents(present, key) if wanted == "percent" else {})


def _percents(present: Rule | None, key: str) -> dict[str, int]:
    found: dict[str, int] = {}
    columns = st.columns(2)
    for place, department in enumerate(runtime.get_core().departments.all()):
        percent = columns[place % 2].number_input(
            f"{department.name}, in percent",
            min_value=0.0,
            max_value=100.0,
            value=(present.percents.get(department.slug, 0) if present else 0) / 100,
            step=1.0,
            format="%.2f",
            key=f"{key}_{department.slug}",
        )
        found[department.slug] = round(percent * 100)
    whole = sum(found.values())
    st.caption(f"Together {whole / 100:g} %. It has to be exactly 100 %.")
    return found
