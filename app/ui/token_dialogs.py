"""The dialogs of the page API tokens: make one, revoke one."""

from __future__ import annotations

import streamlit as st

from app import runtime
from app.feedback import done
from app.guarded import guarded
from app.ui import answer, formats, step_up, token_words
from core import clock
from core.accounts.models import User
from core.tokens.models import SCOPES, NewToken, Token

LIVES = {7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}
READ_ONLY, EVERYTHING, CHOOSE = "Read only", "Everything", "Choose"
ABOUT = {
    READ_ONLY: "It sees everything that you see, and changes nothing.",
    EVERYTHING: "It does whatever you may do, but for what asks you to confirm that it is you.",
    CHOOSE: "",
}


@st.dialog("New API token", width="medium", on_dismiss="rerun")
@guarded
def new_token() -> None:
    """Ask for a name, an end and what it may do; then show the token, this once."""
    if st.session_state.get("tokens_done"):
        st.rerun()
    if step_up.confirmed("tokens_new", open_form="tokens_make") is None:
        return
    place = st.empty()
    with place.container():
        name = st.text_input("Name", placeholder="Nightly report", max_chars=80, key="tokens_name")
        days = st.segmented_control(
            "Works for", list(LIVES), default=90, format_func=LIVES.__getitem__, required=True, key="tokens_days"
        )
        preset = st.segmented_control(
            "What it may do", list(ABOUT), default=READ_ONLY, required=True, key="tokens_preset"
        )
        scopes = _scopes(preset)
        submitted = st.button("Make token", type="primary", key="tokens_make")

    def make(actor: User) -> None:
        made = runtime.get_core().tokens.create(actor, name, scopes, days)
        runtime.wake_worker()
        place.empty()
        with place.container():
            _show(made)

    step_up.carry_out("tokens_new", submitted, make)


@st.dialog("Revoke this token?", on_dismiss="rerun")
@guarded
def revoke(token: Token) -> None:
    """Say what ends and ask."""
    st.write(f"Programs that use **{answer.harmless(token.name)}** are refused at once. This cannot be undone.")
    st.caption(f"{token.hint} · {last_use(token)}")

    def end(actor: User) -> None:
        runtime.get_core().tokens.revoke(actor, token.id)
        done("The token was revoked.")
        st.rerun()

    pressed = st.button("Revoke token", type="primary", key=f"tokens_revoke_yes_{token.id}")
    step_up.carry_out("tokens_revoke", pressed, end)


def expiry(token: Token) -> str:
    """Say when a token ends, or that it has."""
    now = clock.now()
    if token.expires_at <= now:
        return f"expired {formats.ago(token.expires_at)}"
    return formats.days_left((token.expires_at.date() - now.date()).days)


def last_use(token: Token) -> str:
    """Say when a token was last used."""
    return f"last used {formats.ago(token.last_used_at)}" if token.last_used_at else "never used"


def _scopes(preset: str) -> list[str]:
    if preset != CHOOSE:
        st.caption(ABOUT[preset])
        return list(token_words.READ_ONLY if preset == READ_ONLY else token_words.EVERYTHING)
    chosen = []
    with st.grid("auto", min_column_width=250, key="tokens_scopes"):
        for heading, scopes in token_words.grouped().items():
            with st.container(gap="xsmall"):
                st.markdown(f"**{heading}**")
                chosen += [scope for scope in scopes if st.checkbox(SCOPES[scope], key=f"tokens_scope_{scope}")]
    return chosen


def _show(made: NewToken) -> None:
    st.success(f"**{answer.harmless(made.token.name)}** is ready.", icon=":material/check:")
    st.code(made.secret.get_secret_value(), language=None, wrap_lines=True)
    st.write("Copy it now: it will not be shown again. Keep it like a password.")
    st.caption("Programs send it in the header `Authorization: Bearer …`")
    # The run that it starts does not come here again: ``new_token`` looks for it first.
    st.button("Done", type="primary", key="tokens_done")
