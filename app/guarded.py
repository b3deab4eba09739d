"""Fragments and dialogs rerun on their own, past ``app.shell``: they ask again who is signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import streamlit as st

from app import session

P = ParamSpec("P")
R = TypeVar("R")

WATCH_SECONDS = 5.0


def guarded(draw: Callable[P, R]) -> Callable[P, R]:
    """Stand between ``st.fragment`` or ``st.dialog`` and what it draws: whoever was shut out draws nothing more."""

    @wraps(draw)
    def check_and_draw(*args: P.args, **kwargs: P.kwargs) -> R:
        session.check_in()
        return draw(*args, **kwargs)

    return check_and_draw


@st.fragment(run_every=WATCH_SECONDS)
@guarded
def watch() -> None:
    """Draw nothing, and the page anew when the session has ended or the role has changed: idle pages notice too."""
