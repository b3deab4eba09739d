"""Tells people what happened: a sentence for what went wrong, a quiet toast for what went well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app import state
from app.ui import answer
from core.errors import CoreError


@contextmanager
def reporting() -> Iterator[None]:
    """Show a ``CoreError`` of the block as its sentence; anything else goes on to the log."""
    try:
        yield
    except CoreError as error:
        # A sentence may quote what somebody typed, and st.error reads Markdown.
        st.error(answer.harmless(error.sentence), icon=":material/error:")


def done(sentence: str) -> None:
    """Show a toast after the next rerun or on the next page."""
    st.session_state[state.NOTICE] = sentence


def show_notice() -> None:
    """Show the toast that ``done`` left."""
    sentence = st.session_state.pop(state.NOTICE, None)
    if sentence:
        st.toast(sentence, icon=":material/check:")
