"""API tokens: what programs show to act as somebody."""

import streamlit as st

from app import runtime, session
from app.ui import answer, formats, layout, token_dialogs, token_words
from core import clock
from core.tokens.models import Token

core = runtime.get_core()
user = session.current_user()


def new_token_button(key: str) -> None:
    """Draw the way to a new token."""
    if st.button("New token", type="primary", icon=":material/add:", key=key):
        token_dialogs.new_token()


def row(token: Token) -> None:
    """Draw one token."""
    is_over = token.expires_at <= clock.now()
    with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        with st.container(gap="xsmall", width="stretch"):
            with st.container(horizontal=True, gap="small", vertical_alignment="center"):
                st.markdown(f"**{answer.harmless(token.name)}**", width="content")
                st.caption(f"`{token.hint}`", width="content")
                if is_over:
                    st.badge("Expired", color="gray", icon=":material/event_busy:")
            st.caption(token_words.in_words(token.scopes))
            st.caption(
                f"made {formats.ago(token.created_at)} · {token_dialogs.expiry(token)} · "
                f"{token_dialogs.last_use(token)}"
            )
        if st.button("Revoke", icon=":material/block:", type="tertiary", key=f"tokens_revoke_{token.id}"):
            token_dialogs.revoke(token)


tokens = core.tokens.list(user)
about = "A program that has a token acts as you, as far as the token lets it." if tokens else ""
with layout.header("API tokens", about):
    if tokens:
        new_token_button("tokens_new")
if not tokens:
    layout.empty(
        ":material/token:",
        "No API tokens yet",
        "With a token a program uses Zoark as you: a script that runs an agent every night, a tool that shows what "
        "was spent. You choose what it may do and for how long, and can revoke it at any time.",
        lambda: new_token_button("tokens_first"),
    )
for token in tokens:
    row(token)
