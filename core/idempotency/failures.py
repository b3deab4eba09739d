"""Why a repeated request was refused."""

from __future__ import annotations

from core.errors import CoreError


class KeyReused(CoreError):
    """This Idempotency-Key was used for another request. Use a new key for a new request."""

    code = "idempotency_key_reused"


class StillRunning(CoreError):
    """The first request with this Idempotency-Key is still under way. Please try again in {wait_seconds} s."""

    code = "idempotency_in_progress"
    retryable = True
