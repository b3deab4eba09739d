"""The dialogs of the Keys page: add a key, edit it, replace its secret, change its address."""

from __future__ import annotations

import streamlit as st

from app import runtime, state
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, key_fields, key_state, price_text, step_up
from core.accounts.models import User
from core.keys.kind import Kind
from core.keys.models import Family, Group, Key, KeyDraft
from core.keys.registry import kind_named


@st.dialog("New key", width="medium", on_dismiss="rerun")
@guarded
def add_key(family: Family | None = None, first: Group | None = None) -> None:
    """Ask for what the chosen kind needs, store it and test it at once; only kinds of a family if that is told."""
    if step_up.confirmed("keys_new", open_form="keys_add") is None:
        return
    core = runtime.get_core()
    kind = key_fields.choose(core.keys.kinds(), family, first)
    with st.form("keys_form", border=False):
        title = st.text_input("Name", kind.label, max_chars=80, key=f"keys_name_{kind.name}")
        typed = key_fields.draw(kind, lambda field: f"keys_{field}_{kind.name}")
        if kind.asks_price:
            _prices(kind)
        submitted = st.form_submit_button("Add key", type="primary", key="keys_add")

    def add(actor: User) -> None:
        prices = (_price(kind, "in"), _price(kind, "out"))
        key = core.keys.add(
            actor, KeyDraft(title, kind.name, typed.secret, typed.base_url, *prices, settings=typed.settings)
        )
        runtime.wake_worker()
        if kind.is_built_in:
            done("The built-in model is being prepared.")
        else:
            with st.spinner("Testing the key …"):
                key_state.tell("The key was added.", key.id, core.keys.test(actor, key.id))
        st.rerun()

    step_up.carry_out("keys_new", submitted, add)


@st.dialog("Edit this key", width="medium", on_dismiss="rerun")
@guarded
def edit(key: Key) -> None:
    """Ask for another name or another secret; what uses the key goes on with it."""
    if step_up.confirmed("keys_edit", open_form=f"keys_rename_{key.id}") is None:
        return
    core = runtime.get_core()
    kind = kind_named(key.provider)
    with st.form("keys_edit_form", border=False):
        name = st.text_input("Name", key.name, max_chars=80, key=f"keys_rename_{key.id}")
        secret = ""
        if kind.asks_secret:
            secret = st.text_input(
                f"New {kind.secret_label.lower()}",
                type="password",
                autocomplete="off",
                placeholder="Enter it again" if key.is_lost else "Leave empty to keep the one that is stored",
                help=kind.secret_help,
                key=f"keys_replace_{key.id}",
            )
        submitted = st.form_submit_button("Save changes", type="primary", key="keys_edit_save")

    def save(actor: User) -> None:
        if secret.strip():
            core.keys.replace_secret(actor, key.id, secret)
        core.keys.rename(actor, key.id, name)
        if secret.strip():
            with st.spinner("Testing the key …"):
                key_state.tell("The key was replaced.", key.id, core.keys.test(actor, key.id))
        else:
            done("The changes were saved.")
        st.rerun()

    step_up.carry_out("keys_edit", submitted, save)
    if kind.has_address and st.button(
        "Change address", type="tertiary", icon=":material/link:", key="keys_edit_move"
    ):
        st.session_state[state.KEY_TO_MOVE] = key.id
        st.rerun()


@st.dialog("Replace the secret", width="medium", on_dismiss="rerun")
@guarded
def replace_secret(key: Key) -> None:
    """Ask for another secret and test it."""
    if step_up.confirmed("keys_replace", open_form=f"keys_fresh_{key.id}") is None:
        return
    core = runtime.get_core()
    kind = kind_named(key.provider)
    st.caption(f"Everything that uses **{answer.harmless(key.name)}** goes on with the new one.")
    if kind.secret_help:
        st.caption(f":material/key: {kind.secret_help}")
    with st.form("keys_replace_form", border=False):
        secret = key_fields.draw_secret(kind, f"keys_fresh_{key.id}")
        submitted = st.form_submit_button("Replace and test", type="primary", key="keys_replace_save")

    def save(actor: User) -> None:
        core.keys.replace_secret(actor, key.id, secret)
        with st.spinner("Testing the key …"):
            key_state.tell("The key was replaced.", key.id, core.keys.test(actor, key.id))
        st.rerun()

    step_up.carry_out("keys_replace", submitted, save)


@st.dialog("Change address", width="medium", on_dismiss="rerun")
@guarded
def change_address(key: Key) -> None:
    """Ask where the key leads and, because its secret goes there, for the secret again; then test it."""
    if step_up.confirmed("keys_move", open_form="keys_move_save") is None:
        return
    core = runtime.get_core()
    kind = kind_named(key.provider)
    with st.form("keys_move_form", border=False):
        typed = key_fields.draw(kind, lambda field: f"keys_move_{field}_{key.id}", key)
        if kind.asks_secret:
            what = kind.secret_label.lower()
            st.caption(f":material/lock: The {what} is stored for one address only, so it is asked for again.")
        submitted = st.form_submit_button("Change and test", type="primary", key="keys_move_save")

    def save(actor: User) -> None:
        with st.spinner("Testing the key …"):
            outcome = core.keys.change_address(actor, key.id, typed.base_url, typed.secret, typed.settings)
        key_state.tell("The address was changed.", key.id, outcome)
        st.rerun()

    step_up.carry_out("keys_move", submitted, save)


def ways_out(key: Key) -> None:
    """Draw what can be done about a key that does not work."""
    kind = kind_named(key.provider)
    with st.container(horizontal=True, gap="small"):
        if kind.asks_secret and st.button("Replace secret", icon=":material/key:", key=f"keys_fix_secret_{key.id}"):
            replace_secret(key)
        if kind.has_address and st.button("Change address", icon=":material/link:", key=f"keys_fix_url_{key.id}"):
            change_address(key)


def _prices(kind: Kind) -> None:
    left, right = st.columns(2)
    unset = "it costs nothing" if kind.group == "local" else "it is unknown"
    about = f"US dollars per million tokens. Leave empty when {unset}."
    left.text_input("Price of input", placeholder="0.40", help=about, key=f"keys_in_{kind.name}")
    right.text_input("Price of output", placeholder="1.60", help=about, key=f"keys_out_{kind.name}")


def _price(kind: Kind, of: str) -> int | None:
    return price_text.micros_of(st.session_state.get(f"keys_{of}_{kind.name}", "")) if kind.asks_price else None
