"""The lists of the Prices page: models in use, prices that were set, and how old the published ones are."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.ui import answer, formats, price_text
from core import clock
from core.llm.registry import provider_named
from core.prices.models import Catalogue, ListedModel, Override, State, state_of

_STATES: dict[State, formats.Colour] = {
    "in force": "green",
    "planned": "blue",
    "replaced": "gray",
    "ended": "gray",
}


def freshness(catalogue: Catalogue) -> None:
    """Draw of what day the published prices are, and a warning when that is long ago."""
    today, day = clock.now().date(), catalogue.released_on
    if not catalogue.is_old(today):
        st.caption(f":material/event: Published prices as of {day:%Y-%m-%d} ({catalogue.version}).")
        return
    since = f"are of {day:%Y-%m-%d}, {(today - day).days} days ago" if day else "are of an unknown day"
    st.warning(
        f"The published prices here {since} ({catalogue.version}). Compare them with your providers' price lists; "
        "set those that have changed, or update Zoark.",
        icon=":material/event_busy:",
    )


def unknown_note(listed: Sequence[ListedModel]) -> None:
    """Draw what it means that some models have no known price."""
    count = len({(m.use.provider, m.use.model) for m in listed if not m.price.is_known})
    if count:
        st.warning(
            f"No price is known for {_count(count, 'model')}. What such calls cost is shown as unknown, and they "
            "are refused on the organisation’s keys.",
            icon=":material/help:",
        )


def model_about(listed: ListedModel) -> None:
    """Draw a model in use, its price and whose price that is."""
    label, colour = price_text.SOURCES[listed.price.source]
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**{price_text.name(listed.use.model)}**", width="content")
        st.badge(label, color=colour)
    if listed.price.is_known:
        price = price_text.short(listed.price)
        st.markdown(
            answer.harmless(price[0].upper() + price[1:]),
            help=answer.harmless(price_text.details(listed.price)) or None,
        )
    used = [_count(listed.use.agents, "agent")] if listed.use.agents else []
    used += [f"{_count(listed.use.calls, 'call')} in 30 days"] if listed.use.calls else []
    st.caption(" · ".join([provider_named(listed.use.provider).label, *used]))


def override_about(override: Override, among: Sequence[Override]) -> None:
    """Draw a price that was set, and how it stands."""
    state = state_of(override, among, clock.now())
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f"**{price_text.name(override.model)}**", width="content")
        st.badge(state.capitalize(), color=_STATES[state])
    st.markdown(answer.harmless(f"{price_text.unit_line(override.unit)} per million tokens"))
    about = [provider_named(override.provider).label, f"from {override.starts_on:%Y-%m-%d}", override.created_by]
    st.caption(answer.harmless(" · ".join([*about, *filter(None, [override.note])])))


def overrides(found: Sequence[Override], among: Sequence[Override], key: str) -> None:
    """Draw prices that were set as a table, with who set and ended them."""
    at = clock.now()
    st.dataframe(
        [
            {
                "Model": override.model,
                "State": state_of(override, among, at).capitalize(),
                "Holds from": override.starts_on,
                "Price": price_text.unit_line(override.unit),
                "Set by": override.created_by,
                "Ended": override.ended_at,
                "Ended by": override.ended_by or "",
                "Note": override.note,
            }
            for override in found
        ],
        hide_index=True,
        placeholder="",
        key=key,
        column_config={
            "Holds from": st.column_config.DateColumn(format="YYYY-MM-DD"),
            "Ended": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=st.context.timezone),
        },
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
