"""The forms of the Connected accounts page: connect an account, disconnect one."""

from __future__ import annotations

import streamlit as st

from app import runtime, state
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import providers, step_up
from core.accounts.models import User
from core.accounts.proof import is_recent_proof
from core.oauth.base import Provider
from core.oauth.failures import OAuthExpired
from core.oauth.models import Identity


def connect_button(actor: User, provider: Provider, again: Identity | None = None) -> None:
    """Draw the way to connect an account; it becomes another way in, so it asks for a recent proof."""
    label, place = ("Connect again", again.id) if again else ("Connect", provider.name)
    if st.button(label, icon=":material/add_link:", key=f"connections_connect_{place}"):
        if is_recent_proof(actor):
            providers.connect(provider)
        _confirm_connect(provider)


def check_button(actor: User, identity: Identity, label: str) -> None:
    """Draw the question to the provider whether it still accepts a connection; a worn-out token is renewed."""
    if not st.button("Check", icon=":material/sync:", type="tertiary", key=f"connections_check_{identity.id}"):
        return
    _expired().discard(identity.id)
    with reporting():
        try:
            runtime.get_core().oauth.check_connection(actor, identity.id)
        except OAuthExpired:
            _expired().add(identity.id)
            return
        done(f"{label} still accepts this connection.")
        st.rerun()


def expired_notice(actor: User, identity: Identity, provider: Provider) -> None:
    """Draw the way out for a connection that the provider does not accept any more."""
    if identity.id in _expired():
        st.error(OAuthExpired(provider.label).sentence, icon=":material/error:")
        connect_button(actor, provider, identity)


def _expired() -> set[str]:
    found: set[str] = st.session_state.setdefault(state.EXPIRED_CONNECTIONS, set())
    return found


@st.dialog("Connect an account")
@guarded
def _confirm_connect(provider: Provider) -> None:
    if step_up.confirmed("connections_connect") is not None:
        providers.connect(provider)


@st.dialog("Disconnect this account?", on_dismiss="rerun")
@guarded
def confirm_disconnect(identity: Identity, label: str) -> None:
    """Say what ends and ask."""
    if step_up.confirmed("connections_disconnect", open_form="connections_disconnect_yes") is None:
        return
    st.write(f"You cannot sign in with {label} any more, and Zoark's access to your account there ends at once.")

    def disconnect(actor: User) -> None:
        runtime.get_core().oauth.disconnect(actor, identity.id)
        done(f"Your account of {label} was disconnected.")
        st.rerun()

    pressed = st.button("Disconnect account", type="primary", key="connections_disconnect_yes")
    step_up.carry_out("connections_disconnect", pressed, disconnect)
