"""Whom somebody may see, change and invite: administrators everybody, managers the people of their department.

Pure rules; a service asks them of the actor as the database has them now.
"""

from __future__ import annotations

from core.accounts.capabilities import can
from core.accounts.models import Role, User

# Roles that a manager changes between; administrators and other managers are out of their reach.
MANAGED: tuple[Role, ...] = ("viewer", "member")


def sees(actor: User, person_id: str, department: str | None) -> bool:
    """Whether the actor sees a person of a department on the People page."""
    if can(actor, "people.manage"):
        return True
    return can(actor, "people.department") and (person_id == actor.id or _is_own(actor, department))


def may_change(actor: User, person_id: str, role: Role, department: str | None) -> bool:
    """Whether the actor may change, suspend and sign out a person who has this role and department now."""
    if can(actor, "people.manage"):
        return True
    return may_give(actor, role, department) and person_id != actor.id


def may_give(actor: User, role: Role, department: str | None) -> bool:
    """Whether the actor may give somebody this role in this department: by a change or an invitation."""
    if can(actor, "people.manage"):
        return True
    return can(actor, "people.department") and role in MANAGED and _is_own(actor, department)


def _is_own(actor: User, department: str | None) -> bool:
    return department is not None and department == actor.department
