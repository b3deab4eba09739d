"""The deliveries of a webhook: how each went, what was sent, and sending it again."""

from __future__ import annotations

import json
from collections.abc import Mapping

import streamlit as st

from app import runtime, session, state
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import formats, layout, webhook_rows
from core.accounts.models import User
from core.webhooks import words
from core.webhooks.models import Delivery, DeliveryState, Webhook

PAGE = 20
MOST = 200
GROUPS: Mapping[str, tuple[DeliveryState, ...]] = {
    "All": (),
    "Waiting": ("queued", "sending"),
    "Failed": ("failed",),
    "Delivered": ("delivered",),
}


def draw(webhook: Webhook) -> None:
    """Draw the log; it follows by itself what is on its way for the first time."""
    is_moving = webhook.is_active and _is_moving(webhook.last)

    @st.fragment(run_every=1.0 if is_moving else None)
    @guarded
    def live() -> None:
        now = runtime.get_core().webhooks.get(session.current_user(), webhook.id)
        if is_moving and not _is_moving(now.last):
            st.rerun()
        _list(now)

    live()


def _is_moving(delivery: Delivery | None) -> bool:
    if delivery is None:
        return False
    return delivery.status == "sending" or (delivery.status == "queued" and delivery.attempts == 0)


def _list(webhook: Webhook) -> None:
    core, user = runtime.get_core(), session.current_user()
    if webhook.last is None:
        st.caption("Nothing has been sent yet. Send a test to see whether it arrives.")
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        group = st.segmented_control(
            "Deliveries",
            list(GROUPS),
            default="All",
            required=True,
            label_visibility="collapsed",
            width="content",
            key="webhook_group",
        )
        limit = MOST if st.session_state.get(state.WEBHOOK_WITH_OLDER) == webhook.id else PAGE
        page = core.webhook_deliveries.list(user, webhook.id, GROUPS[group], limit=limit)
        if webhook.is_active and any(delivery.status == "failed" for delivery in page.items):
            _replay_button(user, webhook)
    if not page.items:
        st.caption("No delivery of the last 30 days is here.")
        return
    with st.container(border=True, gap="xsmall"):
        for position, delivery in enumerate(page.items):
            if position:
                layout.rule()
            _row(webhook, delivery)
    if page.has_more and limit == PAGE and st.button("Show older", key="webhook_older"):
        st.session_state[state.WEBHOOK_WITH_OLDER] = webhook.id
        st.rerun()
    st.caption("Deliveries are kept for 30 days. Each keeps its id, by which a receiver knows repeats.")


def _replay_button(user: User, webhook: Webhook) -> None:
    if st.button("Send all failed again", icon=":material/replay:", key="webhook_replay"):
        with reporting():
            count = runtime.get_core().webhook_deliveries.replay_failed(user, webhook.id)
            runtime.wake_worker()
            done(f"{count} {'delivery is' if count == 1 else 'deliveries are'} sent again.")
            st.rerun()


def _row(webhook: Webhook, delivery: Delivery) -> None:
    about, how, answered, act = st.columns([4.2, 1.8, 2.2, 1.8], vertical_alignment="center")
    label, icon, colour = webhook_rows.STATES[delivery.status]
    with about, st.container(gap=None):
        st.markdown(f"**{webhook_rows.event_name(delivery.event)}**")
        st.caption(_when(delivery))
    how.badge(label, icon=icon, color=colour)
    answered.caption(_answered(delivery))
    if webhook.is_active and delivery.status != "sending":
        name = "Try now" if delivery.status == "queued" else "Replay"
        if act.button(name, icon=":material/replay:", type="tertiary", key=f"webhook_replay_{delivery.id}"):
            with reporting():
                runtime.get_core().webhook_deliveries.replay(session.current_user(), webhook.id, delivery.id)
                runtime.wake_worker()
                done("It is on its way again.")
                st.rerun()
    with st.expander("What was sent"):
        if delivery.error_code:
            st.caption(words.sentence_of(delivery.error_code))
        st.caption(f"`webhook-id: {delivery.id}`")
        st.code(json.dumps(json.loads(delivery.body), indent=2), language="json")
        if delivery.response_beginning:
            st.caption("The answer began with:")
            st.code(delivery.response_beginning, language=None, wrap_lines=True)


def _when(delivery: Delivery) -> str:
    told = formats.ago(delivery.created_at)
    if delivery.attempts > 1:
        told += f" · {delivery.attempts} attempts"
    if delivery.due_at and delivery.attempts:
        told += f" · again at {delivery.due_at:%Y-%m-%d %H:%M} UTC"
    return told


def _answered(delivery: Delivery) -> str:
    if delivery.response_status is not None:
        return f"Answered {delivery.response_status} in {delivery.duration_ms or 0:,} ms"
    return words.sentence_of(delivery.error_code) if delivery.error_code else ""
