"""E-mail: how mail is sent, how it goes, and a test mail to oneself."""

import streamlit as st

from app import runtime, session, state
from app.feedback import reporting
from app.ui import layout, mail_view
from core.notify.models import MailGroup

LABELS: dict[MailGroup, str] = {"waiting": "Waiting", "failed": "Failed", "sent": "Sent"}

core = runtime.get_core()
user = session.current_user()
status = core.mail.status(user)

with layout.header("E-mail"):
    st.button("Refresh", icon=":material/refresh:", key="mail_refresh")
    if status.transport and st.button(
        "Send a test mail to me", type="primary", icon=":material/send:", key="mail_test"
    ):
        with reporting():
            st.session_state[state.TEST_MAIL] = core.mail.send_test(user)
            runtime.wake_worker()
            st.rerun()
if status.transport is None:
    mail_view.not_set_up()
    mail_view.send_with(user, status)
    mail_view.how_to_set_up()
    if not (status.queued or status.failed or status.sent_today):
        st.stop()
else:
    mail_view.facts(status)
    mail_view.test_mail(user)
    mail_view.send_with(user, status)
    mail_view.recipients()
with layout.metric_row("mail_metrics"):
    sent = f"{status.sent_today:,}" + (f" of {status.daily_cap:,}" if status.daily_cap else "")
    st.metric("Sent today (UTC)", sent, border=True, help="What is over the daily cap waits for the next day.")
    st.metric("Waiting", f"{status.queued:,}", border=True)
    st.metric("Failed", f"{status.failed:,}", border=True)
    st.metric("Unclear", f"{status.unknown:,}", border=True, help="May have been sent, so they are not sent again.")
if status.queued and status.last_error:
    st.warning(status.last_error, icon=":material/warning:")
first: MailGroup = "waiting" if status.queued or not status.failed else "failed"
group = st.segmented_control(
    "Mails",
    list(LABELS),
    format_func=LABELS.__getitem__,
    default=first,
    required=True,
    label_visibility="collapsed",
    key="mail_group",
)
mail_view.mails(user, group)
