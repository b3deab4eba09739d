"""What a firing looks like, and what fires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# due: the run is still to be started. missed: nothing ran at that time, and nothing was made up for.
Status = Literal["due", "running", "succeeded", "failed", "cancelled", "missed"]
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})
MAX_SHOWN = 100


@dataclass(frozen=True)
class Source:
    """A schedule or a trigger at the moment of firing: what runs, and for whom."""

    id: str
    kind: Literal["schedule", "trigger"]
    owner_id: str
    workflow_id: str
    name: str
    budget_micros: int | None
    stop_after_failures: int | None
    failures_in_row: int
    has_stopped: bool


@dataclass(frozen=True)
class Firing:
    """One time that a source wanted a run; ``key`` is the due time or the caller's id of the message.

    A firing that started no run says why in ``error_code`` and ``error_message``.
    """

    id: str
    source_id: str
    key: str
    at: datetime
    run_id: str | None
    status: Status
    error_code: str | None
    error_message: str | None
    ended_at: datetime | None
