"""Usage: what was spent, per day and per model, and every call behind it."""

from datetime import timedelta

import streamlit as st

from app import runtime, session
from app.ui import charts, formats, layout, theme
from core import clock

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90}

core = runtime.get_core()
user = session.current_user()

with layout.header("Usage"):
    period = st.segmented_control(
        "Period",
        list(PERIODS),
        default="30 days",
        required=True,
        label_visibility="collapsed",
        key="usage_period",
    )
until = clock.now()
first_day = (until - timedelta(days=PERIODS[period] - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
totals = core.usage.totals(user, first_day, until)
if not totals.calls:
    layout.empty(
        ":material/bar_chart:",
        "Nothing used in this time",
        "Every model call of your runs appears here with its cost.",
    )
    st.stop()

with layout.metric_row("usage_metrics"):
    st.metric("Spend", formats.cost(totals), border=True)
    st.metric("Model calls", f"{totals.calls:,}", border=True)
    st.metric("Tokens in", formats.tokens(totals.input_tokens), border=True)
    st.metric("Tokens out", formats.tokens(totals.output_tokens), border=True)
if totals.unpriced_calls:
    st.caption(f"The price of {totals.unpriced_calls:,} call(s) is unknown; they are not in the spend.")

frame = charts.frame_of(core.usage.by_day_and_model(user, first_day, until))
frame["tokens"] = frame["input_tokens"] + frame["output_tokens"]
days = [(first_day + timedelta(days=n)).date() for n in range(PERIODS[period])]
left, right = st.columns(2)
left.plotly_chart(
    charts.stacked_by_model(frame, "dollars", "Spend per day", days, theme.chart_colours(), "$"),
    key="usage_spend",
    config={"displayModeBar": False},
    alt="Spend per day and model",
)
right.plotly_chart(
    charts.stacked_by_model(frame, "tokens", "Tokens per day", days, theme.chart_colours()),
    key="usage_tokens",
    config={"displayModeBar": False},
    alt="Tokens per day and model",
)

st.subheader("By model", anchor=False)
by_model = frame.groupby("model", as_index=False)[
    ["calls", "input_tokens", "output_tokens", "dollars", "unpriced_calls"]
].sum()
st.dataframe(
    by_model.sort_values("dollars", ascending=False),
    hide_index=True,
    key="usage_by_model",
    column_config={
        "model": "Model",
        "calls": st.column_config.NumberColumn("Calls", format="localized"),
        "input_tokens": st.column_config.NumberColumn("Tokens in", format="localized"),
        "output_tokens": st.column_config.NumberColumn("Tokens out", format="localized"),
        "dollars": st.column_config.NumberColumn("Spend", format="$%.6f"),
        "unpriced_calls": st.column_config.NumberColumn("Price unknown", format="localized"),
    },
)

st.subheader("Calls", anchor=False)
calls = core.usage.recent(user, first_day, until)
st.dataframe(
    [
        {
            "Time": call.started_at,
            "Model": call.model,
            "State": call.status,
            "Tokens in": call.input_tokens,
            "Tokens out": call.output_tokens,
            "Cached": call.cached_tokens,
            "Cost": None if call.cost_micros is None else call.cost_micros / 1_000_000,
            "Seconds": None if call.duration_ms is None else call.duration_ms / 1000,
            "Run": f"/run?id={call.run_id}",
        }
        for call in calls
    ],
    hide_index=True,
    key="usage_calls",
    column_config={
        "Time": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=st.context.timezone),
        "Cost": st.column_config.NumberColumn(format="$%.6f"),
        "Seconds": st.column_config.NumberColumn(format="%.1f"),
        "Run": st.column_config.LinkColumn(display_text="Open"),
    },
)
st.caption("Interrupted calls count at their upper bound, since the provider may bill them. Days are UTC.")
