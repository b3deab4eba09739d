"""How a limit refuses a model call, or lets it wait."""

from __future__ import annotations

from core.errors import CoreError
from core.quotas.models import Scope

_WHOSE: dict[Scope, str] = {
    "department": "your department's",
    "key": "this key's",
    "person": "your",
}


def in_words(scope: Scope, limit: int, what: str) -> str:
    """Name a limit: ``this key's limit of 60 requests a minute``."""
    return f"{_WHOSE[scope]} limit of {limit:,} {what if limit != 1 else what.removesuffix('s')} a minute"


class RateLimitReached(CoreError):
    """There is no room in {limit} for another {wait_seconds} s."""

    code = "rate_limit_reached"
    retryable = True

    def __init__(self, limit: str, wait_seconds: float) -> None:
        """Name the limit; ``wait_seconds`` from now there is room, unless others take it."""
        self.limit = limit
        self.wait_seconds = wait_seconds
        super().__init__(limit=limit, wait_seconds=max(1, round(wait_seconds)))


class RateLimitTooSmall(CoreError):
    """This call may need {needed:,} tokens, which never fit into {limit}.

    Shorten the input or lower the agent's output limit, or have the limit raised.
    """

    code = "rate_limit_too_small"


class RateLimitTimeout(CoreError):
    """The step's time was over while it waited for room in {limit}. Try again later, or have the limit raised."""

    code = "rate_limit_timeout"
