"""The way to the page on which a browser uses a passkey, from the places that ask who somebody is."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlencode, urlsplit

import streamlit as st

from app import runtime, session
from app.feedback import done
from core.errors import CoreError

ICON = ":material/passkey:"
# What app.http.passkey_routes tells the page that it goes on to.
NOTICES = {
    "passkey_added": "The passkey was added. You can sign in with it from now on.",
    "passkey_confirmed": "Thank you. For ten minutes you will not be asked again.",
}


def why_not() -> str | None:
    """Return in one sentence why no passkey can be used here; None when it can."""
    if not runtime.routes_are_there():
        return "This host cannot show the page that passkeys need."
    try:
        runtime.get_core().passkeys.site_at(st.context.url or "")
    except CoreError as error:
        return error.sentence
    return None


def are_usable() -> bool:
    """Whether a passkey can be used at the address at which this page was opened."""
    return why_not() is None


def go(ceremony: str, next_path: str, token: str = "") -> NoReturn:
    """Leave for the page of a ceremony; ``token`` goes behind a "#", which no log ever sees."""
    session.redirect(
        f"/session/passkey/{ceremony}?" + urlencode({"next": next_path}) + (f"#{token}" if token else "")
    )
    st.stop()


def here() -> str:
    """Return the path of this page, to come back to."""
    pairs = [(key, value) for key in st.query_params for value in st.query_params.get_all(key)]
    return (urlsplit(st.context.url or "").path or "/") + (f"?{urlencode(pairs)}" if pairs else "")


def sign_in_button(next_path: str) -> None:
    """Draw the way in with a passkey alone, where it works."""
    if are_usable() and st.button("Sign in with a passkey", icon=ICON, key="sign_in_passkey", width="stretch"):
        go("sign-in", next_path)


def confirm_button(key: str) -> None:
    """Draw the way to confirm with a passkey, where it works."""
    if are_usable() and st.button("Use a passkey", icon=ICON, key=f"{key}_step_up_passkey"):
        go("confirm", here())


def take_notice() -> None:
    """Show what the page of a ceremony has left in the address bar, and take it out."""
    if sentence := NOTICES.get(st.query_params.get("notice", "")):
        del st.query_params["notice"]
        done(sentence)
