"""How a budget refuses a call, or ends it."""

from __future__ import annotations

from core.errors import CoreError, ModelError


class BudgetExceeded(CoreError):
    """The next model call may not fit into {whose} {period}budget of {limit}. {advice}"""

    code = "budget_exceeded"


class BudgetBusy(BudgetExceeded):
    """Other calls under way hold what is left of {whose} {period}budget of {limit}. Please try again."""

    retryable = True


class OutputOverrun(ModelError):
    """The model did not stop at its longest answer of {limit} tokens; the call was ended. Choose another model."""

    code = "output_overrun"
    retryable = False
