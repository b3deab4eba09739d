"""A webhook as a row and as the head of its page: its state, where it leads, what it hears of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import streamlit as st

from app import navigation
from app.ui import answer, formats
from core.webhooks import words
from core.webhooks.models import DeliveryState, Event, Webhook

EVENT_NAMES: Mapping[Event, str] = {
    "run.succeeded": "Run succeeded",
    "run.failed": "Run failed",
    "run.cancelled": "Run cancelled",
    "budget.warning": "Budget half or nearly used",
    "budget.reached": "Budget used up",
    "key.failing": "Key stopped working",
}
STATES: Mapping[DeliveryState, tuple[str, str, formats.Colour]] = {
    "queued": ("Waiting", ":material/schedule:", "gray"),
    "sending": ("Being sent", ":material/progress_activity:", "blue"),
    "delivered": ("Delivered", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
}


def event_name(event: str) -> str:
    """Return what people call an event."""
    return next((name for known, name in EVENT_NAMES.items() if known == event), "Test")


def row(webhook: Webhook) -> None:
    """Draw one webhook, a link to its page."""
    about, state, last = st.columns([5.4, 2, 2.2], vertical_alignment="center")
    with about, st.container(gap=None):
        navigation.link(navigation.WEBHOOK, f"**{answer.harmless(webhook.name)}**", id=webhook.id)
        st.caption(answer.harmless(f"{_host(webhook)} · {_heard(webhook)}"))
    with state:
        chip(webhook)
    if webhook.last:
        label = STATES[webhook.last.status][0]
        last.caption(f"{label} · {formats.ago(webhook.last.created_at)}", text_alignment="right")
    else:
        last.caption("Nothing sent yet", text_alignment="right")


def chip(webhook: Webhook) -> None:
    """Draw the one word for how a webhook does."""
    if not webhook.is_active:
        st.badge("Off", icon=":material/pause_circle:", color="gray", help=words.why_off(webhook.disabled_reason))
    elif webhook.failing_since:
        st.badge("Does not arrive", icon=":material/error:", color="red")
    elif webhook.last and webhook.last.status == "delivered":
        st.badge("Works", icon=":material/check_circle:", color="green")
    else:
        st.badge("Ready", icon=":material/schedule:", color="gray")


def facts(webhook: Webhook) -> None:
    """Draw what a webhook is: its state, where it leads, what it hears of."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        chip(webhook)
        if webhook.is_organisation:
            st.badge("Everybody’s runs", color="violet", icon=":material/corporate_fare:")
        st.caption(f"made {formats.ago(webhook.created_at)}", width="content")
        if webhook.is_organisation:
            st.caption(answer.harmless(f"{webhook.owner_name} vouches for it"), width="content")
    st.code(webhook.url, language=None, wrap_lines=True)
    with st.container(horizontal=True, gap="small"):
        for event in webhook.events:
            st.badge(EVENT_NAMES[event], color="gray")


def warning(webhook: Webhook) -> None:
    """Say why nothing is sent, or since when nothing arrives."""
    if not webhook.is_active and webhook.disabled_reason != "person":
        st.error(f"This webhook is off. {words.why_off(webhook.disabled_reason)}", icon=":material/error:")
    elif webhook.is_active and webhook.failing_since:
        since = formats.ago(webhook.failing_since)
        st.warning(
            f"The last deliveries did not arrive, the first of them {since}. After three days the webhook is "
            "turned off.",
            icon=":material/warning:",
        )


def secret_facts(webhook: Webhook) -> str:
    """Say how old the secret is, and whether the one before still signs."""
    told = f"Made {formats.ago(webhook.secret_changed_at)}."
    if webhook.previous_until:
        told += f" The one before signs until {webhook.previous_until:%Y-%m-%d %H:%M} UTC."
    return told


@contextmanager
def matter(title: str, about: str) -> Iterator[None]:
    """Draw one thing that can be done, with what it does; the block draws its button."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"{title}: {about}", width="content")
        yield


def _host(webhook: Webhook) -> str:
    return urlsplit(webhook.url).netloc


def _heard(webhook: Webhook) -> str:
    told = ", ".join(EVENT_NAMES[event] for event in webhook.events[:3])
    more = len(webhook.events) - 3
    return f"{told} and {more} more" if more > 0 else told
