"""Accept an invitation that came by mail. Open to everybody; the link says who it is for."""

import streamlit as st

from app import navigation, runtime, session
from app.feedback import reporting
from app.ui import mail_link, providers
from core.accounts.models import MailLink
from core.errors import LinkRefused

PAGE = "invitation"
links, accounts = runtime.get_core().mail_links, runtime.get_core().accounts


def form(token: str, invited: MailLink) -> None:
    """Ask for a name and a password, or send to a provider; make the account and sign in."""
    st.caption(f"Your account will be {invited.email}.")
    if problem := providers.notice(st.query_params.get("notice", "")):
        st.error(problem, icon=":material/error:")
    with st.form("invitation_form", border=False):
        name = st.text_input("Your name", key="invitation_name", autocomplete="name")
        first, again = mail_link.new_password_fields(PAGE, accounts.shortest_password(invited.role or "member"))
        asked = st.form_submit_button("Create account", type="primary", key="invitation_accept")
    if asked:
        with reporting():
            user = links.accept_invitation(token, name, mail_link.same(first, again))
            mail_link.forget_token(PAGE)
            session.sign_in(user, "/")
    providers.invitation_buttons(token)


token = mail_link.token(PAGE) or session.pending_invitation()
if not token and session.signed_in_user() is not None:
    navigation.go(navigation.HOME)  # just accepted, on a host without our routes
with mail_link.card("Welcome to Zoark"):
    try:
        invited = links.invitation(token)
    except LinkRefused as error:
        st.error(f"{error.sentence} An administrator can send it.", icon=":material/error:")
        mail_link.sign_in_link()
    else:
        form(token, invited)
