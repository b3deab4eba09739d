"""How approvals read: their states, whom they ask, until when. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.ui import formats
from core import clock
from core.approvals.models import Approval, Approver, Status, Summary

STATES: Mapping[Status, tuple[str, str, formats.Colour]] = {
    "open": ("Waiting", ":material/hourglass_empty:", "orange"),
    "approved": ("Approved", ":material/check_circle:", "green"),
    "rejected": ("Rejected", ":material/cancel:", "red"),
    "expired": ("Expired", ":material/timer_off:", "gray"),
    "closed": ("Closed", ":material/block:", "gray"),
}
_ROLES = {"admin": "Administrators", "manager": "Managers", "member": "Members"}


def state(approval: Summary) -> Status:
    """Return the state as it is now: the worker may not have noticed yet that the time is over."""
    over = approval.is_open and approval.expires_at is not None and approval.expires_at <= clock.now()
    return "expired" if over else approval.status


def asked(approval: Summary, reader_id: str = "") -> str:
    """Return what people call whoever is asked; who reads is called "you"."""
    if approval.approver == Approver("person", reader_id):
        return "you"
    if approval.approver.kind == "role":
        return _ROLES.get(approval.approver.id, approval.approver.id)
    return approval.approver_name


def left(until: datetime) -> str:
    """Show how much time is left: 5 min, 3 h, 2 days."""
    minutes = max(0, int((until - clock.now()).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 2 * 1440:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"


def until(approval: Summary) -> str:
    """Say until when an open approval can be decided; empty without an end."""
    if approval.expires_at is None or state(approval) != "open":
        return ""
    return f"{left(approval.expires_at)} left, until {approval.expires_at:%Y-%m-%d %H:%M} UTC"


def outcome(approval: Approval, reader_id: str) -> str:
    """Say what became of an approval, and when; empty while it is open."""
    now = state(approval)
    if now == "open":
        return ""
    if now == "expired":
        return "Nobody decided in time. The run goes on as its workflow says for this case."
    if now == "closed":
        return "The run ended before anybody decided. Nothing is left to do here."
    who = "You" if approval.decider_id == reader_id else approval.decider or "Somebody"
    what = "approved" if now == "approved" else "rejected"
    edited = " with an edited value" if approval.value is not None else ""
    return f"{who} {what} this{edited} {formats.ago(approval.decided_at)}."
