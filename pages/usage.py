"""Usage: what was spent, per day, model and person, and every call of one's own behind it."""

from datetime import timedelta

import streamlit as st

from app import runtime, session
from app.ui import charts, formats, layout, theme, usage_tables
from core import clock
from core.usage.models import Scope

PERIODS = {"7 days": 7, "30 days": 30, "90 days": 90}

core = runtime.get_core()
user = session.current_user()

SCOPES: dict[Scope, str] = {"mine": "Mine", "everybody": "Everybody"}
SCOPES["department"] = next((d.name for d in core.departments.all() if d.slug == user.department), "")
scopes = core.usage.scopes(user)
scope: Scope = "mine"
with layout.header("Usage"):
    if len(scopes) > 1:
        scope = st.segmented_control(
            "Whose",
            scopes,
            default="mine",
            required=True,
            format_func=SCOPES.__getitem__,
            label_visibility="collapsed",
            key="usage_scope",
        )
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
totals = core.usage.totals(user, first_day, until, scope)
if not totals.calls:
    layout.empty(
        ":material/bar_chart:",
        "Nothing used in this time",
        "Every model call of a run appears here with its cost.",
    )
    st.stop()

with layout.metric_row("usage_metrics"):
    st.metric("Spend", formats.cost(totals), border=True)
    st.metric("Model calls", f"{totals.calls:,}", border=True)
    st.metric("Tokens in", formats.tokens(totals.input_tokens), border=True)
    st.metric("Tokens out", formats.tokens(totals.output_tokens), border=True)
if totals.unpriced_calls:
    st.caption(f"The price of {totals.unpriced_calls:,} call(s) is unknown; they are not in the spend.")

frame = charts.frame_of(core.usage.by_day_and_model(user, first_day, until, scope))
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
usage_tables.by_model(frame)
if scope == "mine":
    st.subheader("Calls", anchor=False)
    usage_tables.calls(core.usage.recent(user, first_day, until))
else:
    st.subheader("By person", anchor=False)
    usage_tables.by_person(core.usage.by_person(user, first_day, until, scope))
st.caption("Interrupted calls count at their upper bound, since the provider may bill them. Days are UTC.")
