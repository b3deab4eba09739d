"""Security: what protects your account."""

import streamlit as st

from app import runtime, session
from app.feedback import done, reporting
from app.ui import answer, formats, layout, mail_link, passkey_panel, two_factor_panel

core = runtime.get_core()
user = session.current_user()


def address_state() -> None:
    """Draw whether the e-mail address is confirmed, and the way to confirm it."""
    st.subheader("E-mail address", anchor=False)
    verified_at = core.mail_links.verified_at(user)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(answer.harmless(user.email), width="content")
        if verified_at is not None:
            st.badge("Confirmed", color="green", icon=":material/check_circle:", help=formats.ago(verified_at))
        else:
            st.badge("Not confirmed", color="gray", icon=":material/help:")
    if not core.mail.is_set_up:
        st.caption("E-mail is not set up here, so addresses cannot be confirmed.")
    elif verified_at is None and st.button("Send the link again", key="security_verify", icon=":material/mail:"):
        with reporting():
            core.mail_links.send_verification(user)
            runtime.wake_worker()
            done("The mail is on its way.")
            st.rerun()


def password_form() -> None:
    """Draw the change of one's own password."""
    st.subheader("Password", anchor=False)
    if not core.accounts.has_password(user):
        st.caption("You sign in through a provider; there is no password to change.")
        return
    with st.form("security_password_form", clear_on_submit=True):
        present = st.text_input(
            "Present password", type="password", key="security_present", autocomplete="current-password"
        )
        first, again = mail_link.new_password_fields("security", core.accounts.shortest_password(user.role))
        asked = st.form_submit_button("Change password", key="security_change")
    if asked:
        with reporting():
            session.change_password(user, present, mail_link.same(first, again))
            runtime.wake_worker()
            done("Your password was changed. Your other browsers were signed out.")
            st.rerun()


with layout.header("Security", "What protects your account."):
    pass
address_state()
password_form()
passkey_panel.draw(user)
two_factor_panel.draw(user)
