"""How a budget refuses a call."""

from __future__ import annotations

from core.errors import CoreError


class BudgetExceeded(CoreError):
    """The next model call may not fit into {whose} {period}budget of {limit}. {advice}"""

    code = "budget_exceeded"


class BudgetBusy(BudgetExceeded):
    """Other calls under way hold what is left of {whose} {period}budget of {limit}. Please try again."""

    retryable = True
