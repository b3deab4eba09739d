"""What a schedule or trigger has wanted, in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.run_shapes import RunErrorShown
from app.api.schemas import Id, Micros, Output
from core.firings.models import Firing, Status
from core.firings.rules import MAX_FAILURES

Name = Annotated[str, Field(min_length=1, max_length=80, examples=["Every morning"])]
Failures = Annotated[
    int | None,
    Field(ge=1, le=MAX_FAILURES, description="It stops by itself after so many failures in a row; null never."),
]
Cap = Annotated[Micros | None, Field(description="The most that each run may cost; null without a limit.")]


class FiringShown(Output):
    """One time that a run was wanted; one that started none says why in ``error``."""

    id: Id
    at: datetime
    status: Status
    run_id: Id | None
    error: RunErrorShown | None
    ended_at: datetime | None


def firing_shown(firing: Firing) -> FiringShown:
    """Return a firing as JSON."""
    told = firing.error_message or ""
    is_wrong = firing.status in ("failed", "missed")
    return FiringShown(
        id=firing.id,
        at=firing.at,
        status=firing.status,
        run_id=firing.run_id,
        error=RunErrorShown(code=firing.error_code or firing.status, message=told) if is_wrong else None,
        ended_at=firing.ended_at,
    )
