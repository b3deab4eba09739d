"""Approvals as rows, each a link to its page, and what Home says about those that wait."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app import navigation, runtime, session
from app.guarded import guarded
from app.ui import answer, approval_words, formats, layout
from core.accounts.models import User
from core.approvals.models import Filter, Summary

LIMIT = 100
REFRESH_SECONDS = 10.0


def live(wanted: Filter, nothing: str) -> None:
    """Draw a list that looks again by itself; ``nothing`` is said when it is empty."""

    @st.fragment(run_every=REFRESH_SECONDS)
    @guarded
    def rows() -> None:
        reader = session.current_user()
        page = runtime.get_core().approvals.list(reader, wanted, limit=LIMIT)
        if not page.items:
            st.caption(nothing)
            return
        _rows(reader, page.items)
        if page.has_more:
            st.caption(f"The newest {LIMIT} are shown.")

    rows()


def chip(approval: Summary) -> None:
    """Draw the one word for an approval's state."""
    label, icon, colour = approval_words.STATES[approval_words.state(approval)]
    st.badge(label, icon=icon, color=colour)


def on_home(user: User) -> None:
    """Draw on Home that approvals wait for somebody, with the way to them."""
    page = runtime.get_core().approvals.list(user, limit=1)
    if not page.items:
        return
    count = runtime.get_core().approvals.waiting_count(user)
    first = page.items[0]
    with st.container(
        border=True,
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        key="home_approvals",
    ):
        with st.container(gap="xsmall", width="stretch"):
            st.markdown("**One approval waits for you**" if count == 1 else f"**{count:,} approvals wait for you**")
            st.caption(answer.harmless(f"{first.title} · {first.run_title}"))
        if st.button("Decide", type="primary", icon=":material/how_to_reg:", key="home_decide"):
            if count == 1:
                navigation.go(navigation.APPROVAL, id=first.id)
            navigation.go(navigation.APPROVALS)


def _rows(reader: User, approvals: Sequence[Summary]) -> None:
    with st.container(border=True, gap="xsmall"):
        for position, approval in enumerate(approvals):
            if position:
                layout.rule()
            _row(reader, approval)


def _row(reader: User, approval: Summary) -> None:
    about, how = st.columns([6, 4], vertical_alignment="center")
    asker = "You ask" if approval.asker_id == reader.id else f"{approval.asker} asks"
    with about, st.container(gap=None):
        navigation.link(navigation.APPROVAL, f"**{answer.harmless(approval.title)}**", id=approval.id)
        told = f"{approval.run_title} · {asker} {approval_words.asked(approval, reader.id)}"
        st.caption(answer.harmless(told))
    with how, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        chip(approval)
        st.caption(answer.harmless(_when(reader, approval)), width="content")


def _when(reader: User, approval: Summary) -> str:
    if approval.decider:
        who = "you" if approval.decider_id == reader.id else approval.decider
        return f"{who} · {formats.ago(approval.decided_at)}"
    told = formats.ago(approval.created_at)
    if approval_words.until(approval) and approval.expires_at:
        told += f" · {approval_words.left(approval.expires_at)} left"
    return told
