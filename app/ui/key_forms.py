"""The dialogs of the Keys page: add a key, edit it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import step_up
from core.accounts.models import User
from core.errors import Invalid
from core.keys.models import Key, KeyDraft
from core.llm.base import Provider
from core.llm.registry import provider_named

HIGHEST_PRICE = 1_000_000  # dollars per million tokens


@st.dialog("New key", width="medium", on_dismiss="rerun")
@guarded
def add_key() -> None:
    """Ask for what the chosen provider needs, store it and test it at once."""
    if step_up.confirmed("keys_new", open_form="keys_provider") is None:
        return
    core = runtime.get_core()
    providers = {provider.name: provider for provider in core.keys.providers()}
    name = st.selectbox("Provider", list(providers), format_func=lambda n: providers[n].label, key="keys_provider")
    provider = providers[name]
    st.caption(provider.about)
    if provider.needs_secret:
        st.caption(f":material/key: {provider.secret_help}")
    with st.form("keys_form", border=False):
        title = st.text_input("Name", provider.label, max_chars=80, key=f"keys_name_{name}")
        draft = _fields(provider, title)
        submitted = st.form_submit_button("Add key", type="primary", key="keys_add")

    def add(actor: User) -> None:
        key = core.keys.add(actor, _with_prices(draft, name))
        runtime.wake_worker()
        if provider.is_built_in:
            done("The built-in model is being prepared.")
        else:
            with st.spinner("Testing the key …"):
                outcome = core.keys.test(actor, key.id)
            done(f"The key was added. {outcome.message}")
        st.rerun()

    step_up.carry_out("keys_new", submitted, add)


@st.dialog("Edit this key", width="medium", on_dismiss="rerun")
@guarded
def edit(key: Key) -> None:
    """Ask for another name or another secret; what uses the key goes on with it."""
    if step_up.confirmed("keys_edit", open_form=f"keys_rename_{key.id}") is None:
        return
    core = runtime.get_core()
    provider = provider_named(key.provider)
    with st.form("keys_edit_form", border=False):
        name = st.text_input("Name", key.name, max_chars=80, key=f"keys_rename_{key.id}")
        secret = ""
        if provider.asks_secret:
            secret = st.text_input(
                "New key",
                type="password",
                autocomplete="off",
                placeholder="Enter it again" if key.is_lost else "Leave empty to keep the one that is stored",
                help=provider.secret_help,
                key=f"keys_replace_{key.id}",
            )
        submitted = st.form_submit_button("Save changes", type="primary", key="keys_edit_save")

    def save(actor: User) -> None:
        if secret.strip():
            core.keys.replace_secret(actor, key.id, secret)
        core.keys.rename(actor, key.id, name)
        if secret.strip():
            with st.spinner("Testing the key …"):
                outcome = core.keys.test(actor, key.id)
            done(f"The key was replaced. {outcome.message}")
        else:
            done("The changes were saved.")
        st.rerun()

    step_up.carry_out("keys_edit", submitted, save)


def _fields(provider: Provider, title: str) -> KeyDraft:
    secret = base_url = ""
    if provider.asks_secret:
        secret = st.text_input(
            "Key" if provider.needs_secret else "Key (optional)",
            type="password",
            autocomplete="off",
            help=None if provider.needs_secret else provider.secret_help,
            key=f"keys_secret_{provider.name}",
        )
    if provider.asks_base_url:
        base_url = st.text_input(
            "Address",
            provider.default_base_url,
            placeholder="https://models.example.com/v1",
            key=f"keys_url_{provider.name}",
        )
    if provider.pricing == "own":
        left, right = st.columns(2)
        about = "US dollars per million tokens. Leave empty when unknown."
        left.text_input("Price of input", placeholder="0.40", help=about, key=f"keys_in_{provider.name}")
        right.text_input("Price of output", placeholder="1.60", help=about, key=f"keys_out_{provider.name}")
    return KeyDraft(title, provider.name, secret, base_url)


def _with_prices(draft: KeyDraft, provider: str) -> KeyDraft:
    return KeyDraft(
        draft.name,
        draft.provider,
        draft.secret,
        draft.base_url,
        _micros(st.session_state.get(f"keys_in_{provider}", "")),
        _micros(st.session_state.get(f"keys_out_{provider}", "")),
    )


def _micros(dollars: str) -> int | None:
    text = dollars.strip().removeprefix("$").replace(",", ".")
    if not text:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("nan")
    # Asked before it becomes a whole number: the digits of 1e900000 would keep the process busy for minutes.
    if not price.is_finite() or not -HIGHEST_PRICE <= price <= HIGHEST_PRICE:
        raise Invalid("Enter a price such as 0.40, in dollars per million tokens.", "price")
    return int(price * 1_000_000)
