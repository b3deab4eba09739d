"""The ways to take a statement away: a CSV file and a page to print."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from app import runtime, session
from app.http import statement_print
from app.http.statement_routes import PATH, VIEWS
from core.errors import NotFound


def buttons(asked: tuple[str, dict[str, str]]) -> None:
    """Draw them: through our routes, or where there are none as downloads of the page."""
    month, query = asked
    with st.container(horizontal=True, width="content", gap="small"):
        if runtime.routes_are_there():
            if st.button("Export CSV", icon=":material/download:", key="statement_csv"):
                session.redirect(f"{PATH}/{month}.csv?{urlencode(query)}")
            st.link_button("Print", f"{PATH}/{month}.html?{urlencode(query)}", icon=":material/print:")
            return
        for label, icon, ending, mime in (
            ("Export CSV", "download", "csv", "text/csv"),
            ("Print", "print", "html", "text/html"),
        ):
            st.download_button(
                label,
                partial(_file_now, month, query, ending),
                file_name=f"zoark-statement-{month}.{ending}",
                mime=mime,
                icon=f":material/{icon}:",
                on_click="ignore",
                key=f"statement_{ending}",
            )


def _file_now(month: str, query: dict[str, str], ending: str) -> str:
    """Return the file on the click only, for who is signed in then."""
    core = runtime.get_core()
    actor = core.accounts.session_user(session.current_token())
    if actor is None:
        raise NotFound(what="statement")
    asked = (month, VIEWS[query["view"]], query.get("department"))
    if ending == "csv":
        return core.statements.export(actor, *asked)
    return statement_print.as_html(core.statements.get(actor, *asked), core.organisation.get().company_name)
