"""Sign-in providers as an administrator sees them: what is set up, what is missing, and a test of each."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import runtime, session
from app.feedback import reporting
from app.ui import answer, providers
from core.accounts.models import User
from core.oauth.models import Finding, ProviderState
from core.oauth.registry import provider_named

ICONS = {
    "ok": ":green[:material/check_circle:]",
    "note": ":gray[:material/info:]",
    "problem": ":red[:material/error:]",
}


def draw(actor: User) -> None:
    """Draw every provider there is, in the order of the sign-in buttons."""
    core = runtime.get_core()
    st.subheader("Sign-in providers", anchor=False)
    st.caption("They are set up in the environment; a change takes effect when Zoark is started again.")
    if not core.settings.base_url:
        st.caption(
            ":material/info: `ZOARK_BASE_URL` is not set, so the redirect URIs follow the address that people open."
        )
    for found in core.oauth.states(actor):
        with st.container(border=True):
            _provider(actor, found)


def _provider(actor: User, found: ProviderState) -> None:
    provider = provider_named(found.name)
    redirect_uri = session.site() + found.callback_path
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            st.markdown(providers.marked(provider, f"**{providers.title(provider)}**"), width="content")
            if not found.is_set_up:
                st.badge("Not set up", color="gray", icon=":material/remove_circle:")
            elif found.missing:
                st.badge("Incomplete", color="orange", icon=":material/warning:")
            else:
                st.badge("Set up", color="green", icon=":material/check_circle:")
        asked = found.is_set_up and st.button(
            "Test", icon=":material/network_check:", key=f"providers_test_{found.name}"
        )
    if found.missing:
        st.caption("Missing: " + ", ".join(f"`{name}`" for name in found.missing))
    if asked:
        with reporting(), st.spinner(f"Asking {provider.label} …"):
            _findings(runtime.get_core().oauth.check(actor, found.name, redirect_uri))
    st.caption("Redirect URI, to register at the provider:")
    st.code(redirect_uri, language=None, wrap_lines=True)


def _findings(findings: Sequence[Finding]) -> None:
    lines = (f"{ICONS[one.level]} **{one.what}** – {answer.harmless(one.sentence)}" for one in findings)
    st.markdown("  \n".join(lines))
