"""One webhook: where it leads, what it hears of, and how each delivery went."""

import streamlit as st

from app import navigation, runtime, session
from app.feedback import done, reporting
from app.ui import answer, layout, webhook_dialogs, webhook_log, webhook_rows
from core.errors import NotFound
from core.webhooks.models import WebhookChange

core = runtime.get_core()
user = session.current_user()

navigation.link(navigation.WEBHOOKS, "All webhooks", icon=":material/arrow_back:")
try:
    webhook = core.webhooks.get(user, st.query_params.get("id", ""))
except NotFound as error:
    st.error(error.sentence, icon=":material/error:")
    st.stop()


def switch(*, is_on: bool) -> None:
    """Turn the webhook on or off."""
    with reporting():
        core.webhooks.change(user, webhook.id, WebhookChange(is_active=is_on))
        done("The webhook was turned on." if is_on else "The webhook was turned off.")
        st.rerun()


with layout.header(answer.harmless(webhook.name)):
    if st.button("Edit", icon=":material/edit:", key="webhook_edit"):
        webhook_dialogs.edit(webhook)
    if webhook.is_active and st.button("Send a test", type="primary", icon=":material/send:", key="webhook_test"):
        with reporting():
            core.webhook_deliveries.test(user, webhook.id)
            runtime.wake_worker()
            st.rerun()
    can_turn_on = not webhook.is_active and webhook.disabled_reason != "secret_lost"
    if can_turn_on and st.button("Turn on", type="primary", icon=":material/play_circle:", key="webhook_on"):
        switch(is_on=True)
webhook_rows.facts(webhook)
webhook_rows.warning(webhook)

st.subheader("Deliveries", anchor=False)
webhook_log.draw(webhook)

st.subheader("Secret and end", anchor=False)
with st.container(border=True):
    with webhook_rows.matter("**Secret**", webhook_rows.secret_facts(webhook)):
        if st.button("Rotate secret", icon=":material/autorenew:", key="webhook_rotate"):
            webhook_dialogs.rotate(webhook)
    if webhook.is_active:
        with webhook_rows.matter("**Turn off**", "Nothing is sent until it is turned on again."):
            if st.button("Turn off", icon=":material/pause_circle:", key="webhook_off"):
                switch(is_on=False)
    with webhook_rows.matter("**Delete**", "Its log goes with it."):
        if st.button("Delete", icon=":material/delete:", key="webhook_delete"):
            webhook_dialogs.confirm_delete(webhook)
