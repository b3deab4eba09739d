"""Connected accounts: sign in with them; connect and disconnect."""

import streamlit as st

from app import runtime, session
from app.feedback import done
from app.ui import answer, connection_forms, formats, layout, providers
from core.oauth.models import Identity

core = runtime.get_core()
user = session.current_user()


def account(identity: Identity, label: str) -> None:
    """Draw one connected account, the question whether it still holds, and its way out."""
    with st.container(gap=None):
        st.text(identity.email or identity.name or identity.subject)
        facts = [
            f"connected {formats.ago(identity.linked_at)}",
            f"last used {formats.ago(identity.last_used_at)}",
        ]
        if identity.scopes:
            facts.append(f"may see: {answer.harmless(', '.join(identity.scopes))}")
        st.caption(" · ".join(facts))
    with st.container(horizontal=True):
        connection_forms.check_button(user, identity, label)
        if st.button(
            "Disconnect", icon=":material/link_off:", type="tertiary", key=f"connections_off_{identity.id}"
        ):
            connection_forms.confirm_disconnect(identity, label)


notice = st.query_params.pop("notice", "")
if notice.startswith(providers.LINKED):
    done(providers.notice(notice) or "")
    st.rerun()
elif notice:
    st.session_state["connections_notice"] = notice

found = core.oauth.providers()
mine = core.oauth.list(user)
with layout.header("Connected accounts", "Sign in with them instead of your password." if found else ""):
    pass
problem = providers.notice(st.session_state.pop("connections_notice", ""))
if problem:
    st.error(problem, icon=":material/error:")
if not found and user.is_admin:
    layout.empty(
        ":material/link:",
        "No sign-in providers yet",
        "Set ZOARK_OAUTH_GOOGLE_CLIENT_ID and ZOARK_OAUTH_GOOGLE_CLIENT_SECRET, or those of MICROSOFT, GITHUB or "
        "OIDC (with ZOARK_OAUTH_OIDC_METADATA_URL), and start Zoark again.",
    )
elif not found:
    layout.empty(
        ":material/link:",
        "Nothing to connect",
        "Your administrator has not set up sign-in with other accounts. You sign in with your password.",
    )
elif not runtime.routes_are_there():
    st.info("This host cannot send you to another provider and back.", icon=":material/info:")

for provider in found:
    connected = [identity for identity in mine if identity.provider == provider.name]
    with st.container(border=True):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(providers.marked(provider, f"**{providers.title(provider)}**"), width="content")
            if not connected and runtime.routes_are_there():
                connection_forms.connect_button(user, provider)
        for identity in connected:
            account(identity, provider.label)
            connection_forms.expired_notice(user, identity, provider)
        if not connected:
            st.caption("Not connected")
