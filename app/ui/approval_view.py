"""The parts of an approval's page around the decision: who asks, what it costs, and what became of it."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime, session
from app.guarded import guarded
from app.ui import answer, approval_values, approval_words, formats, layout
from core.accounts.models import User
from core.approvals.models import Approval
from core.errors import NotFound

LOOK_SECONDS = 5.0


def origin(approval: Approval) -> str:
    """Say which run asks, who started it, since when and until when."""
    told = (
        approval.run_title,
        f"started by {approval.asker}",
        f"asked {formats.ago(approval.created_at)}",
        approval_words.until(approval),
    )
    return " · ".join(filter(None, told))


def outcome(reader: User, approval: Approval) -> None:
    """Draw what became of an approval, or for whom it waits if the reader may not decide."""
    state = approval_words.state(approval)
    if state == "open":
        if not approval.may_decide:
            st.info(answer.harmless(_why_not(reader, approval)), icon=":material/hourglass_empty:")
        return
    told = answer.harmless(approval_words.outcome(approval, reader.id))
    draw = {"approved": st.success, "rejected": st.error}.get(state, st.info)
    draw(told, icon=approval_words.STATES[state][1])
    if approval.comment:
        with st.container(border=True, gap="xsmall"):
            st.caption("**Comment**")
            answer.draw(approval.comment)
    _way_to_run(reader, approval)


def costs(approval: Approval) -> None:
    """Draw what the run had cost when it asked, and what may follow."""
    with layout.metric_row("approval_costs", narrowest=140):
        st.metric("Cost so far", formats.money(approval.cost_micros), border=True)
        about = "What the agents after this may cost, by their last runs. An estimate binds nobody."
        follows = formats.money(approval.estimate_micros)
        st.metric("May follow", f"≈ {follows}" if approval.estimate_micros else follows, border=True, help=about)


def edited(approval: Approval) -> None:
    """Draw the value that could be edited, and what was made of it."""
    if approval.edit is None:
        return
    with st.container(border=True, key="approval_edited"):
        with st.container(gap="xsmall"):
            st.caption(f"**{answer.harmless(approval.edit.name)}**")
            approval_values.value(approval.edit.value, "approval_before")
        if approval.value is not None:
            with st.container(gap="xsmall"):
                st.caption("**Edited to**")
                approval_values.value(approval.value, "approval_after")


def follow(reader: User, approval: Approval) -> None:
    """Look again while it is open, and draw the page anew when somebody else has decided or the time is over."""
    state = approval_words.state(approval)
    if state != "open":
        return

    @st.fragment(run_every=LOOK_SECONDS)
    @guarded
    def look() -> None:
        try:
            now = runtime.get_core().approvals.get(session.current_user(), approval.id)
        except NotFound:
            st.rerun()
        if approval_words.state(now) != state or now.may_decide != approval.may_decide:
            st.rerun()

    look()


def _why_not(reader: User, approval: Approval) -> str:
    asked = approval_words.asked(approval)
    if approval.asker_id == reader.id:
        if approval.is_other_person:
            return f"You started this run, so somebody else decides: {asked}."
        return f"It waits for {asked}."
    return f"It waits for {asked}; you may look at it."


def _way_to_run(reader: User, approval: Approval) -> None:
    try:
        runtime.get_core().runs.get(reader, approval.run_id)
    except NotFound:
        return
    navigation.link(navigation.RUN, "Open the run", icon=":material/play_circle:", id=approval.run_id)
