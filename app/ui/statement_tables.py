"""The tables of the Statement page: by department, and by person, agent or model."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.ui.statement_words import MONEY, ROUNDING, amounts
from core import money
from core.months import name_of
from core.statements.breakdown import By, break_down
from core.statements.models import Statement

BREAKDOWNS: tuple[By, ...] = ("person", "agent", "model")


def overview(statement: Statement) -> None:
    """Draw a row a department and one for all."""
    rows = [{"Department": sums.name, **amounts([sums])} for sums in statement.departments if not sums.is_empty]
    if not rows:
        st.caption("Nothing was used, shared or adjusted in this month so far.")
        return
    if len(rows) > 1:
        rows.append({"Department": "All", **amounts(statement.departments)})
    hidden = () if statement.view != "mine" else ("Shared costs", "Adjustments", "Total", "To charge")
    shown = [name for name in MONEY if name not in hidden]
    st.dataframe(
        rows,
        hide_index=True,
        key="statement_overview",
        height="content",
        column_order=["Department", *shown],
        column_config={
            "Department": st.column_config.TextColumn(pinned=True),
            **{name: st.column_config.TextColumn(alignment="right") for name in shown},
        },
    )
    for month in statement.late_months:
        late = sum(use.cost_micros for use in statement.uses if use.used_month == month)
        st.caption(f":material/schedule: {money.dollars(late)} are late from {name_of(month)}, closed before.")
    st.caption(ROUNDING)


def breakdown(statement: Statement, by: By) -> None:
    """Draw who or what comes to how much, the most expensive first."""
    found = break_down(statement, by)
    if not found:
        st.caption("Nothing was used in this month.")
        return
    label = by.capitalize()
    rows = [
        {
            label: row.name,
            "Detail": row.detail,
            "Department": statement.name_of(row.department),
            "From": name_of(row.used_month) if row.used_month != statement.month else "",
            "Calls": row.calls,
            "Tokens in": row.input_tokens,
            "Tokens out": row.output_tokens,
            "Own keys": _dollars(row.own_cents),
            "Pool": _dollars(row.pool_cents),
            "Cost": _dollars(row.cents),
            "Price unknown": row.unpriced_calls or None,
        }
        for row in found
    ]
    order = [label, "Department", "From", "Calls", "Own keys", "Pool", "Cost", "Tokens in", "Tokens out"]
    if by != "agent":
        order.insert(1, "Detail")
    if not statement.late_months:
        order.remove("From")
    if statement.unpriced_calls:
        order.insert(order.index("Cost") + 1, "Price unknown")
    st.dataframe(
        rows,
        hide_index=True,
        key=f"statement_by_{by}",
        column_order=order,
        placeholder="–",
        column_config=_columns(by),
    )
    if statement.unpriced_calls:
        st.caption("– is a cost that nobody knows: the calls are counted under Price unknown.")


def _columns(by: By) -> dict[str, Any]:
    counts = ("Calls", "Tokens in", "Tokens out", "Price unknown")
    return {
        "Detail": "E-mail" if by == "person" else "Provider",
        "From": st.column_config.TextColumn("Late from"),
        **{name: st.column_config.NumberColumn(format="localized") for name in counts},
        **{name: st.column_config.NumberColumn(format="$%.2f") for name in ("Own keys", "Pool", "Cost")},
    }


def _dollars(cents: int | None) -> float | None:
    return None if cents is None else cents / 100
