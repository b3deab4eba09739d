"""Statement: what each department's use costs in a month, shared, adjusted and closed."""

import streamlit as st

from app import runtime, session
from app.ui import (
    layout,
    rights,
    statement_adjustments,
    statement_closing,
    statement_export,
    statement_filters,
    statement_shares,
    statement_tables,
    statement_words,
)
from core import clock

core = runtime.get_core()
user = session.current_user()
manages = rights.may(user, "statements.manage")

months = core.statements.months(user)
with layout.header("Statement", "What a month has cost, by department. Months are UTC."):
    chosen = statement_filters.month(months, manages)
    filters = statement_filters.whose(core.statements.views(user), core.departments.all(), user)
    can_close = manages and chosen.is_next and filters.is_whole
    if can_close and st.button("Close month", type="primary", icon=":material/lock:", key="statement_close"):
        statement_closing.ask(chosen.month)
statement = core.statements.get(user, chosen.month, filters.view, filters.department)
is_open = statement.closed_at is None

if all(sums.is_empty for sums in statement.departments) and not (manages and is_open):
    layout.empty(
        ":material/receipt_long:",
        "Nothing in this month",
        "Every model call is here with its cost, by department, person, agent and model.",
    )
    st.stop()

amounts = statement_words.amounts(statement.departments)
with layout.metric_row("statement_metrics"):
    st.metric("Total", amounts["Total"], border=True)
    st.metric(
        "To charge",
        amounts["To charge"],
        border=True,
        help="The total without own keys: their owners pay the provider themselves.",
    )
    st.metric("Pool", amounts["Pool"], border=True, help="Calls on the organisation's keys.")
    st.metric("Own keys", amounts["Own keys"], border=True, help="Calls on people's own keys.")
with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
    st.caption(f":material/{'lock_open' if is_open else 'lock'}: {statement_words.state_of(statement)}")
    statement_export.buttons(filters.query(chosen.month))
if statement.unpriced_calls:
    st.caption(f"The price of {statement.unpriced_calls:,} call(s) is unknown; they are in no amount.")
if is_open and statement.open_calls and chosen.month < f"{clock.now():%Y-%m}":
    st.caption(f":material/hourglass_empty: {statement_words.open_calls(statement)}")

sections = ["Overview", "By person", "By agent", "By model"]
if statement.view != "mine":
    sections += ["Shared costs and rules" if manages else "Shared costs", "Adjustments"]
tabs = st.tabs(sections)
with tabs[0]:
    statement_tables.overview(statement)
for tab, by in zip(tabs[1:4], statement_tables.BREAKDOWNS, strict=True):
    with tab:
        statement_tables.breakdown(statement, by)
if statement.view != "mine":
    with tabs[4]:
        statement_shares.draw(statement, manages and is_open)
    with tabs[5]:
        statement_adjustments.draw(statement, manages and is_open)
