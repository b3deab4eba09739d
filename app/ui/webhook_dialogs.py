"""The dialogs of webhooks: make, change, delete one, rotate its secret. A secret is shown once, in its dialog."""

from __future__ import annotations

import streamlit as st

from app import navigation, runtime, session
from app.feedback import done, reporting
from app.guarded import guarded
from app.ui import answer, rights, step_up
from app.ui.webhook_rows import EVENT_NAMES
from core.accounts.models import User
from core.webhooks.models import EVENTS, NewWebhook, Webhook, WebhookChange, WebhookDraft

USUAL = ("run.failed", "budget.reached", "key.failing")


@st.dialog("New webhook", width="medium", on_dismiss="rerun")
@guarded
def add() -> None:
    """Ask where it leads and what it hears of; then show its secret."""
    if step_up.confirmed("webhooks_new", open_form="webhooks_add") is None:
        return
    place = st.empty()
    with place.form("webhooks_form", border=False):
        name = st.text_input("Name", placeholder="Alarm channel", max_chars=80, key="webhooks_name")
        url = st.text_input("Address", placeholder="https://example.com/hooks/zoark", key="webhooks_url")
        events = st.pills(
            "Tell of",
            EVENTS,
            selection_mode="multi",
            default=USUAL,
            format_func=EVENT_NAMES.__getitem__,
            key="webhooks_events",
        )
        is_organisation = False
        if rights.may(session.current_user(), "webhooks.manage"):
            is_organisation = st.toggle(
                "Everybody’s runs",
                help="All administrators see and change it. Without this it hears of your own runs only.",
                key="webhooks_organisation",
            )
        submitted = st.form_submit_button("Make webhook", type="primary", key="webhooks_add")

    def save(actor: User) -> None:
        made = runtime.get_core().webhooks.add(actor, WebhookDraft(name, url, tuple(events), is_organisation))
        place.empty()
        _show_secret(made, "The webhook was made. Send a test from its page.")

    step_up.carry_out("webhooks_new", submitted, save)


@st.dialog("Edit this webhook", width="medium", on_dismiss="rerun")
@guarded
def edit(webhook: Webhook) -> None:
    """Ask for another name, address or other events."""
    with st.form("webhook_edit_form", border=False):
        name = st.text_input("Name", webhook.name, max_chars=80, key=f"webhook_name_{webhook.id}")
        url = st.text_input("Address", webhook.url, key=f"webhook_url_{webhook.id}")
        events = st.pills(
            "Tell of",
            EVENTS,
            selection_mode="multi",
            default=webhook.events,
            format_func=EVENT_NAMES.__getitem__,
            key=f"webhook_events_{webhook.id}",
        )
        submitted = st.form_submit_button("Save changes", type="primary", key="webhook_save")

    def save(actor: User) -> None:
        runtime.get_core().webhooks.change(actor, webhook.id, WebhookChange(name, url, tuple(events)))
        done("The changes were saved.")
        st.rerun()

    step_up.carry_out("webhook_edit", submitted, save)


@st.dialog("Rotate the secret?", width="medium", on_dismiss="rerun")
@guarded
def rotate(webhook: Webhook) -> None:
    """Say what follows, ask, and show the new secret."""
    if step_up.confirmed("webhook_rotate", open_form="webhook_rotate_yes") is None:
        return
    place = st.empty()
    with place.container():
        st.write(
            "You get a new secret. For 24 hours messages carry a signature of each, so that the receiver can be "
            "changed in peace; then the old one is worthless."
        )
        pressed = st.button("Rotate secret", type="primary", key="webhook_rotate_yes")

    def act(actor: User) -> None:
        made = runtime.get_core().webhooks.rotate_secret(actor, webhook.id)
        place.empty()
        _show_secret(made, "The secret was rotated.")

    step_up.carry_out("webhook_rotate", pressed, act)


@st.dialog("Delete this webhook?", on_dismiss="rerun")
@guarded
def confirm_delete(webhook: Webhook) -> None:
    """Say what is lost and ask."""
    st.write(f"Nothing more is sent to **{answer.harmless(webhook.name)}**, and its log is erased.")
    if st.button("Delete webhook", type="primary", key="webhook_delete_yes"):
        with reporting():
            runtime.get_core().webhooks.delete(session.current_user(), webhook.id)
            done("The webhook was deleted.")
            navigation.go(navigation.WEBHOOKS)


def _show_secret(made: NewWebhook, what: str) -> None:
    st.success(what, icon=":material/check:")
    st.markdown("**Its secret** signs every message. Give it to the receiver now: it is not shown again.")
    st.code(made.secret.get_secret_value(), language=None, wrap_lines=True)
    st.caption("Close this when you have copied it.")
