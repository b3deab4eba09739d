"""The forms of the Connected accounts page: connect an account, disconnect one."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import providers, step_up
from core.accounts.models import User
from core.accounts.proof import is_recent_proof
from core.oauth.base import Provider
from core.oauth.models import Identity


def connect_button(actor: User, provider: Provider) -> None:
    """Draw the way to connect an account; it becomes another way in, so it asks for a recent proof."""
    if st.button("Connect", icon=":material/add_link:", key=f"connections_connect_{provider.name}"):
        if is_recent_proof(actor):
            providers.connect(provider)
        _confirm_connect(provider)


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
