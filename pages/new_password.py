"""Set a new password with a link that came by mail. Open to everybody; the link says who it is."""

import streamlit as st

from app import navigation, runtime
from app.feedback import reporting
from app.ui import mail_link
from core.errors import LinkRefused

PAGE = "new_password"
links = runtime.get_core().mail_links


def form(token: str, shortest: int) -> None:
    """Ask for the new password of at least ``shortest`` characters and set it."""
    with st.form("new_password_form", border=False):
        first, again = mail_link.new_password_fields(PAGE, shortest)
        asked = st.form_submit_button("Set password", type="primary", key="new_password_set")
    if asked:
        with reporting():
            links.set_new_password(token, mail_link.same(first, again))
            mail_link.forget_token(PAGE)
            runtime.wake_worker()
            st.session_state["new_password_done"] = True
            st.rerun()


with mail_link.card("Set a new password"):
    if st.session_state.pop("new_password_done", False):
        st.success("Your password was changed. Every browser was signed out.", icon=":material/check:")
        mail_link.sign_in_link()
    else:
        token = mail_link.token(PAGE)
        try:
            shortest = links.check_reset(token)
        except LinkRefused as error:
            st.error(error.sentence, icon=":material/error:")
            navigation.link(navigation.RESET, "Ask for a new link")
        else:
            form(token, shortest)
