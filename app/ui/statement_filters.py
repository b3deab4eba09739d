"""Which statement is looked at: the month, which stays in the address, and whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.accounts.models import User
from core.departments.models import Department
from core.months import name_of
from core.statements.models import MonthState, View

EVERYBODY, MINE = "Everybody", "Mine"


@dataclass(frozen=True)
class Filters:
    """Whose statement it is, as the core and our routes take it."""

    view: View
    department: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.view == "everybody" and self.department is None

    def query(self, month: str) -> tuple[str, dict[str, str]]:
        """Return the month and the query of its routes."""
        return month, {"view": self.view, **({"department": self.department} if self.department else {})}


def month(months: Sequence[MonthState], prefers_next: bool) -> MonthState:
    """Draw the months and return the chosen one: at first the address's, the one to close, or the present one."""
    names = [state.month for state in months]
    wanted = st.query_params.get("month", "")
    if wanted not in names:
        wanted = next((state.month for state in months if state.is_next and prefers_next), names[0])
    chosen = st.selectbox(
        "Month",
        names,
        index=names.index(wanted),
        format_func=name_of,
        label_visibility="collapsed",
        width=170,
        key="statement_month",
    )
    chosen = chosen if chosen in names else names[0]
    st.query_params["month"] = chosen
    return months[names.index(chosen)]


def whose(views: Sequence[View], departments: Sequence[Department], user: User) -> Filters:
    """Draw whose statements somebody may see and return the choice; nothing to draw where there is one only."""
    names = {department.slug: department.name for department in departments}
    choices: dict[str, Filters] = {}
    if "everybody" in views:
        choices[EVERYBODY] = Filters("everybody")
        choices |= {name: Filters("everybody", slug) for slug, name in names.items()}
    elif "department" in views and user.department:
        choices[names[user.department]] = Filters("department")
    choices[MINE] = Filters("mine")
    if len(choices) == 1:
        return choices[MINE]
    chosen = st.selectbox("Whose", list(choices), label_visibility="collapsed", width=170, key="statement_whose")
    return choices[str(chosen)]
