"""Says in one sentence what a role cannot do, before somebody tries."""

from __future__ import annotations

import streamlit as st

from core.accounts import reach
from core.accounts.capabilities import Capability, can
from core.accounts.models import User
from core.people.models import Person

_CANNOT: dict[Capability, str] = {
    "agents.edit": "create or change agents and workflows",
    "keys.edit": "add keys",
    "runs.start": "start runs",
}


def may(user: User, capability: Capability) -> bool:
    """Whether somebody may do something."""
    return can(user, capability)


def may_change(user: User, person: Person) -> bool:
    """Whether somebody may change, suspend and sign out a person."""
    return reach.may_change(user, person.id, person.role, person.department)


def explain(user: User, *capabilities: Capability) -> None:
    """Draw one sentence about those of the ``capabilities`` that somebody's role lacks; nothing when it has all."""
    missing = [_CANNOT[capability] for capability in capabilities if not can(user, capability)]
    if missing:
        st.info(
            f"Your role, {user.role}, cannot {' or '.join(missing)}. Ask an administrator for another role.",
            icon=":material/visibility:",
        )
