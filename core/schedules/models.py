"""What a schedule is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from core.firings.models import Firing

# What becomes of times that passed while nothing could run: nothing, one run for all of them, or one for each.
Missed = Literal["skip", "once", "all"]
MISSED: tuple[Missed, ...] = get_args(Missed)
MAX_SCHEDULES = 50


@dataclass(frozen=True)
class ScheduleDraft:
    """What somebody enters: ``stop_after_failures`` in a row it stops by itself, None never."""

    name: str
    cron: str
    timezone: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    budget_micros: int | None = None
    missed: Missed = "once"
    stop_after_failures: int | None = 3


@dataclass(frozen=True)
class Schedule:
    """A schedule of a workflow; its runs are its owner's. ``next_at`` is None while it does not run."""

    id: str
    workflow_id: str
    workflow_name: str
    owner_id: str
    owner_name: str
    draft: ScheduleDraft
    failures_in_row: int
    paused_at: datetime | None
    stopped_at: datetime | None
    next_at: datetime | None
    revision: int
    created_at: datetime
    last: Firing | None = None

    @property
    def is_active(self) -> bool:
        """Whether it starts runs."""
        return self.paused_at is None and self.stopped_at is None


@dataclass(frozen=True)
class Preview:
    """What an expression means: in words, and when it is due next (UTC)."""

    words: str
    next_times: tuple[datetime, ...]
