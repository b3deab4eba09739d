"""Charts of use: a frame in, a figure out. pandas and plotly are loaded by the page that asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from core.usage.models import DayTotals, Totals

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

LARGEST_MODELS = 6


def frame_of(days: list[DayTotals]) -> pd.DataFrame:
    """Return one row per day and model: ``day, model, calls, tokens in and out, dollars``."""
    import pandas as pd

    return pd.DataFrame([{"day": d.day, "model": d.model, **sums_of(d.totals)} for d in days])


def sums_of(totals: Totals) -> dict[str, float]:
    """Return sums as columns: ``calls, input_tokens, output_tokens, dollars, unpriced_calls``."""
    return {
        "calls": totals.calls,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "dollars": totals.cost_micros / 1_000_000,
        "unpriced_calls": totals.unpriced_calls,
    }


def stacked_by_model(
    frame: pd.DataFrame, value: str, title: str, days: Sequence[object], colours: list[str], prefix: str = ""
) -> go.Figure:
    """Return stacked bars per day, one colour a model; all but the largest models are added up as Others."""
    import plotly.graph_objects as go

    largest = frame.groupby("model")[value].sum().nlargest(LARGEST_MODELS).index
    named = frame.assign(series=frame["model"].where(frame["model"].isin(largest), "Others"))
    table = named.pivot_table(index="day", columns="series", values=value, aggfunc="sum").reindex(days).fillna(0)
    figure = go.Figure(
        [
            go.Bar(name=str(name), x=table.index, y=table[name], hovertemplate=f"{prefix}%{{y:,.4~f}}")
            for name in table
        ]
    )
    figure.update_layout(
        barmode="stack",
        colorway=colours,
        title={"text": title, "font": {"size": 15}},
        height=300,
        margin={"l": 8, "r": 8, "t": 44, "b": 8},
        hovermode="x unified",
        legend={"orientation": "h", "y": -0.14, "yanchor": "top"},
        yaxis={"tickprefix": prefix, "rangemode": "tozero", "exponentformat": "none"},
        xaxis={"type": "date", "tickformat": "%d %b", "tickangle": 0, "nticks": 7},
        bargap=0.35,
    )
    return figure


def bars_per_day(
    days: Sequence[date],
    series: Mapping[str, Sequence[float]],
    title: str,
    colours: Sequence[str],
    prefix: str = "",
) -> go.Figure:
    """Return bars per day, stacked by series; ``prefix`` goes before each value."""
    import plotly.graph_objects as go

    figure = go.Figure(
        [
            go.Bar(name=name, x=list(days), y=list(values), hovertemplate=f"{prefix}%{{y:,.6~f}}")
            for name, values in series.items()
        ]
    )
    figure.update_layout(
        barmode="stack",
        colorway=list(colours),
        title={"text": title, "font": {"size": 15}},
        height=230,
        margin={"l": 8, "r": 8, "t": 40, "b": 8},
        hovermode="x unified",
        showlegend=len(series) > 1,
        legend={"orientation": "h", "y": -0.18, "yanchor": "top"},
        yaxis={"tickprefix": prefix, "rangemode": "tozero", "exponentformat": "none"},
        xaxis={"type": "date", "tickformat": "%d %b", "tickangle": 0, "nticks": 7},
        bargap=0.35,
    )
    return figure
