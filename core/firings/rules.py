"""What schedules and triggers have in common: their limits, and who may see those of others."""

from __future__ import annotations

from core.accounts.models import User
from core.budgets.models import MAX_LIMIT_MICROS
from core.errors import Invalid, NotFound
from core.workflows.service import Workflows

MAX_FAILURES = 100


def check_limits(budget_micros: int | None, stop_after_failures: int | None) -> None:
    """Raise ``Invalid`` when a run's limit is no amount, or the number of failures is out of bounds."""
    if stop_after_failures is not None and not 1 <= stop_after_failures <= MAX_FAILURES:
        raise Invalid(f"It can stop after 1 to {MAX_FAILURES} failures in a row.", "stop_after_failures")
    if budget_micros is not None and not 0 <= budget_micros <= MAX_LIMIT_MICROS:
        raise Invalid("Enter the most that a run may cost, in dollars, or nothing.", "budget_micros")


def looks_after(workflows: Workflows, actor: User, owner_id: str, workflow_id: str) -> bool:
    """Whether somebody may see what starts a workflow: their own, or that of a workflow that they may edit."""
    try:
        return workflows.facts(actor, workflow_id).access.reaches("edit") or owner_id == actor.id
    except NotFound:
        return owner_id == actor.id
