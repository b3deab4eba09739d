"""Ways in which asking for an approval fails."""

from __future__ import annotations

from core.errors import CoreError


class NoApprover(CoreError):
    """Nobody is there who may decide: {who}. Choose another approver in the workflow, or add people there."""

    code = "no_approver"


class ApprovalExpired(CoreError):
    """Nobody decided in time."""

    code = "approval_expired"
