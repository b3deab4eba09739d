"""What the pages behind links in mails share: their frame, and a token that leaves the address bar at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app import navigation, state
from core.errors import Invalid
from core.security.passwords import MAX_LENGTH


@contextmanager
def card(title: str) -> Iterator[None]:
    """Draw a narrow page for somebody who may not be signed in."""
    _, middle, _ = st.columns([1, 1.6, 1])
    with middle, st.container(key="mail_link_card"):
        st.html("<p style='font-weight:680;margin:2rem 0 0'>Zoark</p>")
        st.title(title, anchor=False)
        yield


def token(page: str) -> str:
    """Return the token of this page's link; it is moved from the address bar into this tab's state."""
    key = f"{state.LINK_TOKEN}_{page}"
    if "token" in st.query_params:
        st.session_state[key] = st.query_params["token"]
        del st.query_params["token"]
    return str(st.session_state.get(key, ""))


def forget_token(page: str) -> None:
    """Drop a token that was used."""
    st.session_state.pop(f"{state.LINK_TOKEN}_{page}", None)


def new_password_fields(page: str, shortest: int) -> tuple[str, str]:
    """Draw the two fields of a new password of at least ``shortest`` characters."""
    first = st.text_input("New password", type="password", key=f"{page}_password", autocomplete="new-password")
    again = st.text_input("Repeat password", type="password", key=f"{page}_again", autocomplete="new-password")
    st.caption(f"{shortest} to {MAX_LENGTH} characters; a short sentence is easy.")
    return first, again


def same(first: str, again: str) -> str:
    """Return the password when it was typed twice alike; raises ``Invalid`` else."""
    if first != again:
        raise Invalid("Passwords do not match.", "password")
    return first


def sign_in_link() -> None:
    """Draw the way to the sign-in form, or home for somebody who is signed in."""
    navigation.link(navigation.HOME, "Go to Zoark", icon=":material/arrow_forward:")
