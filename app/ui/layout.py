"""The parts every page is made of: its header, its empty state, its lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import navigation
from app.ui import answer, formats
from core.engine.values import as_text
from core.runs.models import Run


@contextmanager
def header(title: str, about: str = "") -> Iterator[None]:
    """Draw the title at the left; what the block draws (the primary action) goes to the right."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(width="content"):
            st.title(title, anchor=False)
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            yield
    if about:
        st.caption(about)


def empty(icon: str, title: str, about: str, draw_action: Callable[[], None] | None = None) -> None:
    """Draw what a person sees where nothing is yet: what this is and the one next step."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(f"## {icon}", width="content")
        st.subheader(title, anchor=False, width="content")
        st.caption(about, width="content")
        if draw_action:
            draw_action()
        st.space("small")


def metric_row(key: str, narrowest: int = 165) -> DeltaGenerator:
    """Return a place for metrics: as many in a line as fit, all of one width (``narrowest`` pixels)."""
    return st.grid("auto", min_column_width=narrowest, key=key)


def run_rows(runs: Sequence[Run]) -> None:
    """Draw runs as rows, newest first, each a link to its page."""
    with st.container(border=True, gap="xsmall"):
        for position, run in enumerate(runs):
            if position:
                rule()
            _run_row(run)


def rule() -> None:
    """Draw a quiet line between two rows."""
    st.html("<hr style='margin:0;border:none;border-top:1px solid rgba(128,128,128,.18)'>")


def _run_row(run: Run) -> None:
    about, state, spent, when = st.columns([5.2, 1.7, 1.3, 1.4], vertical_alignment="center")
    label, icon, colour = formats.status(run)
    with about, st.container(gap=None):
        navigation.link(navigation.RUN, run.title, id=run.id)
        st.caption(answer.harmless(_one_line(_about(run))))
    state.badge(label, icon=icon, color=colour)
    spent.caption(formats.cost(run.totals) if run.totals.calls else "–", text_alignment="right")
    when.caption(formats.ago(run.created_at), text_alignment="right")


def _about(run: Run) -> str:
    """Return what a run is and was asked: the texts of its inputs, one after the other."""
    version = f"Version {run.workflow_version}" if run.workflow_version else "Draft"
    kind = [version] if run.workflow_id else []
    kind += ["Test"] if run.is_test else []
    return " · ".join([*kind, *(as_text(value) for value in run.inputs.values() if value not in (None, ""))])


def _one_line(text: str, limit: int = 70) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
