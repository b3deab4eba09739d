"""The dialogs of the Prices page: set a price, end one, look at what was ever set."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, price_tables, price_text, step_up
from core import clock
from core.accounts.models import User
from core.errors import Invalid
from core.llm.registry import all_providers, provider_named
from core.prices.models import ListedModel, Override, OverrideDraft


@st.dialog("Set a price", width="medium", on_dismiss="rerun")
@guarded
def set_price(provider: str = "", model: str = "") -> None:
    """Ask for a price, for the model it was opened for or any other."""
    place = f"{provider}_{model}"
    if step_up.confirmed("prices_set", open_form=f"prices_model_{place}") is None:
        return
    names = list(all_providers())
    with st.form("prices_form", border=False):
        left, right = st.columns(2)
        chosen = left.selectbox(
            "Provider",
            names,
            index=names.index(provider) if provider in names else 0,
            format_func=lambda name: provider_named(name).label,
            key=f"prices_provider_{place}",
        )
        named = right.text_input(
            "Model",
            model,
            max_chars=200,
            placeholder="gpt-4o",
            help="Its name, or how names begin and a \\*: gpt-4o\\* is for gpt-4o-mini too.",
            key=f"prices_model_{place}",
        )
        st.caption("US dollars per million tokens")
        columns = st.columns(3)
        typed = [
            column.text_input(label, placeholder=example, help=about, key=f"prices_{field}_{place}")
            for column, (field, label, example, about) in zip(columns, _FIELDS, strict=True)
        ]
        today = clock.now().date()
        left, right = st.columns(2)
        starts_on = left.date_input(
            "Holds from",
            today,
            min_value=today,
            format="YYYY-MM-DD",
            help="The beginning of the day, UTC. Calls before it keep their price.",
            key=f"prices_starts_{place}",
        )
        note = right.text_input(
            "Note", max_chars=200, placeholder="Where the price comes from", key=f"prices_note_{place}"
        )
        submitted = st.form_submit_button("Set price", type="primary", key="prices_save")

    def save(actor: User) -> None:
        given, cached, produced = map(price_text.micros_of, typed)
        if given is None or produced is None:
            raise Invalid("Enter the price of input and of output; 0 when it costs nothing.", "price")
        draft = OverrideDraft(chosen, named, given, produced, starts_on, cached, note)
        override = runtime.get_core().prices.set(actor, draft)
        done(f"The price of {price_text.name(override.model)} was set.")
        st.rerun()

    step_up.carry_out("prices_set", submitted, save)


@st.dialog("End this price?", on_dismiss="rerun")
@guarded
def end(override: Override) -> None:
    """Say what holds without it, and ask."""
    if step_up.confirmed("prices_end", open_form="prices_end_yes") is None:
        return
    st.write(
        f"**{price_text.name(override.model)}** costs what it would without this price, from now on. "
        "What is booked stays, and so does the history."
    )

    def carry_out(actor: User) -> None:
        runtime.get_core().prices.end(actor, override.id)
        done("The price has ended.")
        st.rerun()

    step_up.carry_out("prices_end", st.button("End price", type="primary", key="prices_end_yes"), carry_out)


@st.dialog("Prices over time", width="large", on_dismiss="rerun")
@guarded
def history(listed: ListedModel, among: Sequence[Override]) -> None:
    """Draw what was ever set for a model."""
    st.markdown(f"**{price_text.name(listed.use.model)}** · {provider_named(listed.use.provider).label}")
    st.caption(answer.harmless(f"Now: {price_text.short(listed.price)}. {price_text.details(listed.price)}"))
    price_tables.overrides(listed.history, among, "prices_history_table")


_FIELDS = (
    ("input", "Input", "2.50", None),
    ("cached", "Cached input", "1.25", "Input that the provider had in its cache. Empty: as other input."),
    ("output", "Output", "10.00", None),
)
