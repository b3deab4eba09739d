"""What a trigger is: an address that other programs call to start a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from core.firings.models import Firing

MAX_TRIGGERS = 20
MAX_BODY_BYTES = 256_000
# A message is taken so long after, or before, the moment that it says it was sent at.
TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class TriggerDraft:
    """What somebody enters. ``mapping`` says which part of the body becomes which input: {"amount": "data.total"}.

    Without it, the inputs are the parts of the body with their names.
    """

    name: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    budget_micros: int | None = None
    stop_after_failures: int | None = 10


@dataclass(frozen=True)
class Trigger:
    """A trigger of a workflow; its runs are its owner's. ``has_secret`` is false after a lost master key."""

    id: str
    workflow_id: str
    workflow_name: str
    owner_id: str
    owner_name: str
    draft: TriggerDraft
    has_secret: bool
    failures_in_row: int
    paused_at: datetime | None
    stopped_at: datetime | None
    revision: int
    created_at: datetime
    last: Firing | None = None

    @property
    def is_active(self) -> bool:
        """Whether it starts runs."""
        return self.paused_at is None and self.stopped_at is None

    @property
    def path(self) -> str:
        """Where it is called, below the base URL."""
        return f"/api/v1/hooks/{self.id}"


@dataclass(frozen=True)
class NewTrigger:
    """A trigger that has just got its secret: it is shown this once."""

    trigger: Trigger
    secret: SecretStr
