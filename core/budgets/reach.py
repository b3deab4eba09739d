"""Who sees a budget and who sets it. Pure rules; the service asks them of the actor as they are now."""

from __future__ import annotations

from core.accounts import reach
from core.accounts.capabilities import can
from core.accounts.models import User
from core.budgets.models import Budget, Subject


def may_see(actor: User, subject: Subject) -> bool:
    """Whether a budget for this concerns the actor: their own, their people's, department's or organisation's."""
    if can(actor, "budgets.manage") or subject.scope == "organisation":
        return True
    if subject.scope == "department":
        return subject.id == actor.department
    if subject.scope == "person" and reach.sees(actor, subject.id, subject.department):
        return True
    return subject.owner_id == actor.id


def may_set(actor: User, subject: Subject) -> bool:
    """Whether the actor may give this a budget: administrators all, managers their people, owners what is theirs.

    What the organisation pays for is the administrators' matter.
    """
    if can(actor, "budgets.manage"):
        return True
    if subject.scope == "person":
        return subject.role is not None and reach.may_change(actor, subject.id, subject.role, subject.department)
    if subject.scope in ("key", "agent"):
        return subject.owner_id == actor.id and not subject.is_pool
    return False


def may_change(actor: User, subject: Subject, budget: Budget) -> bool:
    """Whether the actor may change a budget: a limit that somebody else has set stands."""
    return may_set(actor, subject) and (can(actor, "budgets.manage") or budget.set_by == actor.id)
