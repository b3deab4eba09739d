"""Prices: what model calls cost, who says so, and prices that administrators set."""

import streamlit as st

from app import runtime, session
from app.ui import layout, price_dialogs, price_tables

core = runtime.get_core()
user = session.current_user()
listed = core.prices.models_in_use(user)
overrides = core.prices.overrides(user)
current = [override for override in overrides if override.ended_at is None]
ended = [override for override in overrides if override.ended_at is not None]

with layout.header(
    "Prices", "What model calls cost. A new price holds from its day on; what is booked keeps its price."
):
    if st.button("Set price", type="primary", icon=":material/add:", key="prices_new"):
        price_dialogs.set_price()
price_tables.freshness(core.prices.catalogue())

if listed:
    price_tables.unknown_note(listed)
    st.subheader("Models in use", anchor=False)
else:
    layout.empty(
        ":material/sell:",
        "No model is in use yet",
        "Every model that an agent uses appears here with its price. You can set prices before that.",
    )
for place, model in enumerate(listed):
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width=520):
            price_tables.model_about(model)
        with st.container(horizontal=True, width="content", gap="small"):
            if model.history and st.button(
                "History", icon=":material/history:", type="tertiary", key=f"prices_history_{place}"
            ):
                price_dialogs.history(model, overrides)
            if model.use.own_price is None and st.button(
                "Set price", icon=":material/edit:", key=f"prices_set_{place}"
            ):
                price_dialogs.set_price(model.use.provider, model.use.model)

if current:
    st.subheader("Set here", anchor=False)
for override in current:
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width=520):
            price_tables.override_about(override, overrides)
        if st.button("End", icon=":material/event_busy:", type="tertiary", key=f"prices_end_{override.id}"):
            price_dialogs.end(override)
if ended:
    with st.expander(f"Ended ({len(ended)})", icon=":material/history:"):
        price_tables.overrides(ended, overrides, "prices_ended")
st.caption("US dollars per million tokens. Days are UTC.")
