"""The rows of the Keys page: which are shown, in which order, and how one is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from app import navigation
from app.ui import answer, formats, key_state
from core.keys.models import KeyHealth

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# How each order sorts; the newest come as they are.
ORDERS: dict[str, Callable[[KeyHealth], Any] | None] = {
    "Newest": None,
    "Name": lambda health: health.key.name.casefold(),
    "Last used": lambda health: -(health.last_used_at or _LONG_AGO).timestamp(),
    "Spend": lambda health: -health.use.totals(30).cost_micros,
}
# Below this many keys nothing has to be looked for.
WORTH_SEARCHING = 4


def choose(healths: Sequence[KeyHealth]) -> Sequence[KeyHealth]:
    """Draw search, state and order, kept in the address; return the keys to show."""
    if len(healths) < WORTH_SEARCHING:
        return healths
    search, state, order = st.columns([4, 2, 2])
    words = search.text_input(
        "Search",
        placeholder="Search by name, provider or owner",
        label_visibility="collapsed",
        key="keys_search",
        bind="query-params",
    )
    there = {key_state.STATES[health.state] for health in healths}
    chosen = state.selectbox(
        "State",
        [label for label in key_state.STATES.values() if label in there],
        index=None,
        placeholder="Any state",
        label_visibility="collapsed",
        key="keys_state",
        bind="query-params",
    )
    by = order.selectbox(
        "Sort by", list(ORDERS), label_visibility="collapsed", key="keys_order", bind="query-params"
    )
    return shown(healths, words, chosen, by)


def shown(healths: Sequence[KeyHealth], words: str, state: str | None, order: str) -> Sequence[KeyHealth]:
    """Return the keys that fit the words and the state, in an order of ``ORDERS``."""
    found = [
        health
        for health in healths
        if words.strip().casefold() in f"{health.key.name} {key_state.facts(health.key)}".casefold()
        and state in (None, key_state.STATES[health.state])
    ]
    by = ORDERS.get(order)
    return sorted(found, key=by) if by else found


def row(health: KeyHealth) -> bool:
    """Draw one key; return whether its test was asked for."""
    key = health.key
    about, state, used, spent, act = st.columns([4.2, 1.7, 1.5, 1.7, 1.1], vertical_alignment="center")
    with about, st.container(gap=None):
        navigation.link(navigation.KEY, f"**{answer.harmless(key.name)}**", id=key.id)
        st.caption(key_state.facts(key))
    with state:
        key_state.chip(health)
    used.caption(f"Used {formats.ago(health.last_used_at)}" if health.last_used_at else "Not used")
    if health.is_metered and any(day.totals.calls for day in health.use.days):
        spent.metric(
            "Spend of 30 days",
            formats.cost(health.use.totals(30)),
            label_visibility="collapsed",
            chart_data=[day.totals.cost_micros / 1_000_000 for day in health.use.days],
            chart_type="bar",
        )
    can_test = key.access.reaches("run") and not key.disabled_at
    return can_test and act.button("Test", icon=":material/network_check:", key=f"keys_test_{key.id}")
