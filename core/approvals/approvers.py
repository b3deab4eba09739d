"""Who may decide: whoever is asked by name, role or department, but not always whoever started the run.

Pure rules; ``core.approvals.repository`` says the same in SQL.
"""

from __future__ import annotations

from core.accounts.models import User
from core.approvals.models import DECIDING_ROLES, Approver, Summary


def is_asked(actor: User, approver: Approver) -> bool:
    """Whether somebody belongs to those who are asked."""
    if approver.kind == "person":
        return approver.id == actor.id
    if actor.role not in DECIDING_ROLES:
        return False
    return approver.id == (actor.role if approver.kind == "role" else actor.department)


def may_decide(actor: User, approval: Summary) -> bool:
    """Whether somebody may decide an approval, as long as it is open."""
    is_own = approval.asker_id == actor.id
    return is_asked(actor, approval.approver) and not (approval.is_other_person and is_own)


def called(approver: Approver, name: str) -> str:
    """Return how a sentence calls whoever is asked; ``name`` is a person's or a department's."""
    if approver.kind == "person":
        return name
    if approver.kind == "role":
        return {"admin": "administrators", "manager": "managers", "member": "members"}.get(approver.id, approver.id)
    return f"the department {name}"
