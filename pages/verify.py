"""Confirm an e-mail address with a link that came by mail. A button, because mail scanners open links too."""

import streamlit as st

from app import runtime
from app.feedback import reporting
from app.ui import mail_link

PAGE = "verify"

with mail_link.card("Confirm your e-mail address"):
    token = mail_link.token(PAGE)
    if st.session_state.pop("verify_done", False):
        st.success("Your e-mail address is confirmed.", icon=":material/check:")
    elif st.button("Confirm", type="primary", key="verify_confirm"):
        with reporting():
            runtime.get_core().mail_links.verify(token)
            mail_link.forget_token(PAGE)
            st.session_state["verify_done"] = True
            st.rerun()
    mail_link.sign_in_link()
