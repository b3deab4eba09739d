"""Sign-in providers as people see them: their mark, their button, and what went wrong there."""

from __future__ import annotations

import base64
from functools import lru_cache
from urllib.parse import urlencode

import streamlit as st

from app import runtime, session
from core.config import ROOT
from core.errors import LinkRefused, NotFound, RegistrationClosed, StepUpRequired
from core.oauth.base import Provider
from core.oauth.failures import OAuthError
from core.oauth.registry import provider_named

ASSETS = ROOT / "app" / "ui" / "assets"
LINKED = "oauth_linked"

_ERRORS = {error.code: error for error in OAuthError.__subclasses__()}


def notice(value: str) -> str | None:
    """Return the sentence for a notice ``<code>.<provider>`` of ``app.http.oauth_routes``."""
    code, _, name = value.partition(".")
    try:
        label = provider_named(name).label
    except NotFound:
        return None
    for plain in (RegistrationClosed, StepUpRequired, LinkRefused):
        if code == plain.code:
            return plain().sentence
    if code == LINKED:
        return f"Connected: you can sign in with {label} now."
    return _ERRORS[code](label).sentence if code in _ERRORS else None


def sign_in_buttons(next_path: str) -> None:
    """Draw a button for each provider that is set up, to sign in and go on to ``next_path``."""
    _buttons("sign_in", next=next_path)


def invitation_buttons(token: str) -> None:
    """Draw a button for each provider that is set up, to accept an invitation with an account there."""
    _buttons("invitation", invitation=token)


def _buttons(page: str, **query: str) -> None:
    found = runtime.get_core().oauth.providers()
    # Without our routes there is no way back from a provider.
    if not found or not runtime.routes_are_there():
        return
    st.html("<p style='text-align:center;opacity:.6;margin:0'>or</p>")
    for provider in found:
        if st.button(
            marked(provider, f"Continue with {provider.label}"), key=f"{page}_{provider.name}", width="stretch"
        ):
            session.redirect(f"/oauth/{provider.name}/start?" + urlencode(query))
            st.stop()


def connect(provider: Provider) -> None:
    """Go and connect an account there."""
    session.redirect(f"/oauth/{provider.name}/start?link=1")
    st.stop()


def marked(provider: Provider, text: str) -> str:
    """Return text as Markdown with the provider's mark in front."""
    return f"![]({_mark(provider.mark)}) {text}"


def title(provider: Provider) -> str:
    """Return a provider's label as a heading."""
    return provider.label[0].upper() + provider.label[1:]


@lru_cache
def _mark(file: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode((ASSETS / file).read_bytes()).decode()
