"""The way to the audit log as a file: through our route, or where there is none as a download of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import streamlit as st

from app import runtime, session, state
from app.guarded import guarded
from app.http.audit_routes import PATH
from app.ui import step_up
from core import clock
from core.accounts.models import User
from core.accounts.proof import is_recent_proof
from core.errors import StepUpRequired


@dataclass(frozen=True)
class Filters:
    """What the page shows and the file will have."""

    days: int
    words: str
    action: str


def button(actor: User, filters: Filters) -> None:
    """Draw it; a file with everybody's deeds asks for a recent proof."""
    was_sent_back = st.query_params.get("notice") == StepUpRequired.code
    if was_sent_back:
        del st.query_params["notice"]
    pressed = st.button("Export CSV", icon=":material/download:", key="audit_export")
    is_confirmed = st.session_state.pop(state.EXPORT_CONFIRMED, False)
    if (pressed or is_confirmed) and runtime.routes_are_there() and is_recent_proof(actor):
        _go(filters)
    elif pressed or was_sent_back:
        _confirm(filters)


@st.dialog("Export the audit log", on_dismiss="rerun")
@guarded
def _confirm(filters: Filters) -> None:
    actor = step_up.confirmed("audit_export")
    if actor is None:
        return
    if runtime.routes_are_there():
        # Closing the dialog draws the page anew, and what was sent before is dropped: the page goes there.
        st.session_state[state.EXPORT_CONFIRMED] = True
        st.rerun()
    st.caption("The file has every entry that the page's filters find.")
    st.download_button(
        "Download",
        lambda: _file(session.current_token(), filters),
        file_name=f"zoark-audit-{clock.now():%Y-%m-%d}.csv",
        mime="text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="audit_download",
    )


def _go(filters: Filters) -> None:
    """Open the route: the browser takes the file and stays on the page."""
    session.redirect(
        f"{PATH}?" + urlencode({"days": filters.days, "words": filters.words, "action": filters.action})
    )


def _file(token: str | None, filters: Filters) -> str:
    """Return the file on the click only, for who is signed in then."""
    core, until = runtime.get_core(), clock.now()
    actor = core.accounts.session_user(token)
    if actor is None:
        raise StepUpRequired
    since = until - timedelta(days=filters.days)
    return "".join(core.audit.export(actor, since, until, filters.words, filters.action))
