"""Webhooks: where other programs are told what happens here, and whether it arrives."""

import streamlit as st

from app import runtime, session
from app.ui import layout, webhook_dialogs, webhook_rows

core = runtime.get_core()
user = session.current_user()
webhooks = core.webhooks.list(user)


def new_button(key: str) -> None:
    """Draw the way to a new webhook."""
    if st.button("New webhook", type="primary", icon=":material/add:", key=key):
        webhook_dialogs.add()


about = "Other programs are told what happens here: signed, and again until it arrives."
with layout.header("Webhooks", about if webhooks else ""):
    if webhooks:
        new_button("webhooks_new")
if not webhooks:
    layout.empty(
        ":material/webhook:",
        "No webhooks yet",
        "A webhook tells another program at once when a run has ended, a budget is used up or a key has stopped "
        "working: a chat channel, a ticket system, your own code.",
        lambda: new_button("webhooks_first"),
    )
    st.stop()

with st.container(border=True, gap="xsmall"):
    for position, webhook in enumerate(webhooks):
        if position:
            layout.rule()
        webhook_rows.row(webhook)
