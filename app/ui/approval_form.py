"""The form that decides: the value that may be edited, a comment, and two large buttons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from app import runtime
from app.feedback import done, reporting
from app.ui import answer
from core.accounts.models import User
from core.approvals.editing import type_of
from core.approvals.models import MAX_COMMENT, Approval, Decision

# Browsers count exactly as far as this.
EXACT = 2**53 - 1


def draw(actor: User, approval: Approval) -> None:
    """Draw the form; when it is sent, decide and draw the page anew."""
    # Nobody approves by a key that they press while typing.
    with st.form("approval_form", border=False, enter_to_submit=False):
        value = None
        if approval.edit is not None:
            with st.container(border=True, key="approval_edit"):
                st.caption("You may change this before you approve.")
                value = _field(approval.edit.name, approval.edit.value, f"approval_value_{approval.id}")
        comment = st.text_area(
            "Comment",
            placeholder="Optional: whoever asked reads it.",
            height=80,
            max_chars=MAX_COMMENT,
            key=f"approval_comment_{approval.id}",
        )
        with st.container(horizontal=True, gap="small", key="approval_buttons"):
            approves = st.form_submit_button(
                "Approve", type="primary", icon=":material/check:", width="stretch", key="approval_approve"
            )
            rejects = st.form_submit_button(
                "Reject", icon=":material/close:", width="stretch", key="approval_reject"
            )
    if approves or rejects:
        _decide(actor, approval, "approve" if approves else "reject", comment, value)


def _decide(actor: User, approval: Approval, decision: Decision, comment: str, value: Any) -> None:
    # A value that nobody touched is not an edited one.
    changed = None if approval.edit is None or value == _shown(approval.edit.value) else value
    with reporting():
        runtime.get_core().approvals.decide(actor, approval.id, decision, comment, changed)
        runtime.wake_worker()
        done("Approved. The run goes on." if decision == "approve" else "Rejected. The run goes on without it.")
        st.rerun()


def _field(name: str, value: Any, key: str) -> Any:
    """Draw what asks for a value of the type that it has; return it as it was typed, see ``_shown``."""
    label, kind = answer.harmless(name), type_of(value)
    shown = _shown(value)
    if kind == "boolean":
        return st.toggle(label, shown, key=key)
    if kind == "number" and isinstance(shown, int | float):
        step = 1 if isinstance(shown, int) else 0.01
        return st.number_input(label, value=shown, step=step, format=_format(shown), key=key)
    if kind == "date":
        return st.date_input(label, shown, format="YYYY-MM-DD", key=key)
    if isinstance(shown, Mapping):
        st.markdown(f"**{label}**")
        return {field: _field(field, inner, f"{key}_{field}") for field, inner in value.items()}
    if kind in ("list", "object"):
        return st.text_area(f"{label} (JSON)", shown, height="content", key=key)
    if isinstance(shown, str) and kind != "file" and len(shown) <= 60 and "\n" not in shown:
        return st.text_input(label, shown, key=key)
    return st.text_area(label, shown, height=160, key=key)


def _shown(value: Any) -> Any:
    """Return a value as its widget gives it back when nobody touches it."""
    kind = type_of(value)
    if kind == "number":
        return value if abs(value) <= EXACT else str(value)
    if kind == "date":
        return date.fromisoformat(value)
    if kind == "file":
        return value["text"]
    if kind == "object" and value and all(type_of(inner) not in ("object", "file") for inner in value.values()):
        return {name: _shown(inner) for name, inner in value.items()}
    if kind in ("list", "object"):
        return json.dumps(value, ensure_ascii=False, indent=2)
    return "" if value is None else value


def _format(number: int | float) -> str:
    """Return how a number is shown with all its digits."""
    if isinstance(number, int):
        return "%d"
    digits = len(f"{number:.10f}".rstrip("0").partition(".")[2])
    return f"%.{max(2, digits)}f"
