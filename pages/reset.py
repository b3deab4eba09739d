"""Forgotten password: ask for a link by mail. Open to everybody; says nothing about who has an account."""

import streamlit as st

from app import runtime
from app.feedback import reporting
from app.ui import mail_link

ANSWER = (
    "If there is an account with this address, a mail with a link is on its way. It works for 30 minutes. "
    "Look into the spam folder too."
)

with mail_link.card("Set a new password"):
    with st.form("reset_form", border=False):
        email = st.text_input("E-mail", key="reset_email", autocomplete="email")
        asked = st.form_submit_button("Send me a link", type="primary", key="reset_send")
    if asked:
        with reporting():
            runtime.get_core().mail_links.request_reset(email)
            runtime.wake_worker()
            st.success(ANSWER, icon=":material/mail:")
    mail_link.sign_in_link()
