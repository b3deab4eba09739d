"""The tables of the Usage page: by model, by person, and every call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui import formats, price_text
from app.ui.charts import sums_of
from core.usage.models import ModelCall, PersonTotals, Totals

if TYPE_CHECKING:
    import pandas as pd

# The price stands last: where there is little room, the link to the run comes before it.
_CALL_COLUMNS = (
    "Time",
    "Model",
    "State",
    "Tokens in",
    "Tokens out",
    "Cached",
    "Cost",
    "Seconds",
    "Run",
    "Price",
)


def by_model(frame: pd.DataFrame) -> None:
    """Draw the sums per model of ``app.ui.charts.frame_of``, the most expensive first."""
    sums = frame.groupby("model", as_index=False)[
        ["calls", "input_tokens", "output_tokens", "dollars", "unpriced_calls"]
    ].sum()
    sums["dollars"] = sums["dollars"].where(sums["unpriced_calls"] < sums["calls"])
    st.dataframe(
        sums.sort_values("dollars", ascending=False),
        hide_index=True,
        placeholder=formats.UNKNOWN,
        key="usage_by_model",
        column_config={"model": "Model", **_sum_columns()},
    )


def by_person(people: Sequence[PersonTotals]) -> None:
    """Draw the sums per person, who spent most first."""
    st.dataframe(
        [{"name": person.name, "email": person.email, **_known_sums_of(person.totals)} for person in people],
        hide_index=True,
        placeholder=formats.UNKNOWN,
        key="usage_by_person",
        column_config={"name": "Person", "email": "E-mail", **_sum_columns()},
    )


def calls(found: Sequence[ModelCall]) -> None:
    """Draw single calls with a link to their run."""
    st.dataframe(
        [
            {
                "Time": call.started_at,
                "Model": call.model,
                "State": call.status,
                **_used(call),
                "Seconds": None if call.duration_ms is None else call.duration_ms / 1000,
                "Run": f"/run?id={call.run_id}",
            }
            for call in found
        ],
        hide_index=True,
        placeholder=formats.UNKNOWN,
        column_order=_CALL_COLUMNS,
        key="usage_calls",
        column_config={
            "Time": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=st.context.timezone),
            "Cost": st.column_config.NumberColumn(format="$%.6f"),
            "Price": st.column_config.TextColumn(
                help="Of a million tokens in, cached, and out, as this call was billed."
            ),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            "Run": st.column_config.LinkColumn(display_text="Open"),
        },
    )


def _used(call: ModelCall) -> dict[str, float | str | None]:
    """Return what a call used, cost and was billed with; a refused one used nothing.

    A call that is older than prices in the books has a cost alone.
    """
    has_cost_alone = call.cost_micros is not None and not call.price.is_known
    if call.status == "failed":
        return {"Tokens in": 0, "Tokens out": 0, "Cached": 0, "Cost": 0.0, "Price": "–"}
    return {
        "Tokens in": call.input_tokens,
        "Tokens out": call.output_tokens,
        "Cached": call.cached_tokens,
        "Cost": None if call.cost_micros is None else call.cost_micros / 1_000_000,
        "Price": "–" if has_cost_alone else price_text.billed(call.price),
    }


def _known_sums_of(totals: Totals) -> dict[str, float | None]:
    """Return sums as columns; what nobody knows is nothing there, and not 0."""
    known = totals.known_cost_micros
    return {**sums_of(totals), "dollars": None if known is None else known / 1_000_000}


def _sum_columns() -> dict[str, Any]:
    return {
        "calls": st.column_config.NumberColumn("Calls", format="localized"),
        "input_tokens": st.column_config.NumberColumn("Tokens in", format="localized"),
        "output_tokens": st.column_config.NumberColumn("Tokens out", format="localized"),
        "dollars": st.column_config.NumberColumn("Spend", format="$%.6f"),
        "unpriced_calls": st.column_config.NumberColumn("Price unknown", format="localized"),
    }
