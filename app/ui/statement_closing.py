"""The dialog that closes a month."""

from __future__ import annotations

import streamlit as st

from app import runtime, session
from app.feedback import done
from app.guarded import guarded
from app.ui import statement_words, step_up
from core.accounts.models import User
from core.months import name_of


@st.dialog("Close this month?", on_dismiss="rerun")
@guarded
def ask(month: str) -> None:
    """Say what happens and ask."""
    core = runtime.get_core()
    statement = core.statements.get(session.current_user(), month)
    total = statement_words.amounts(statement.departments)["Total"]
    st.write(
        f"The statement of **{name_of(month)}** is written down with **{total}** and never changes again, whatever "
        "happens to departments, people and prices. A closed month cannot be opened again."
    )
    if statement.open_calls:
        st.warning(statement_words.open_calls(statement), icon=":material/hourglass_empty:")
    if statement.unpriced_calls:
        st.warning(
            f"The price of {statement.unpriced_calls:,} call(s) is unknown; they are in no amount.",
            icon=":material/help:",
        )

    def close(actor: User) -> None:
        core.statements.close(actor, month)
        done(f"{name_of(month)} was closed.")
        st.rerun()

    pressed = st.button("Close month", type="primary", key="statement_close_yes")
    step_up.carry_out("statement_close", pressed, close)
