"""The steps of setting up, and how far somebody has come with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Step = Literal["company", "departments", "sign-in", "model", "people"]
STEPS: tuple[Step, ...] = get_args(Step)
StepState = Literal["done", "skipped"]


@dataclass(frozen=True)
class SetupProgress:
    """How far setting up has come, once for the installation. A step that is not in ``steps`` is still open."""

    steps: Mapping[Step, StepState] = field(default_factory=dict)
    begun_by: str | None = None
    postponed_at: datetime | None = None
    finished_at: datetime | None = None
    card_hidden_at: datetime | None = None

    @property
    def next_step(self) -> Step | None:
        """The first step that is open; None when there is none."""
        return next((step for step in STEPS if step not in self.steps), None)

    @property
    def reminds(self) -> bool:
        """Whether Home still reminds of it."""
        return self.finished_at is None and self.card_hidden_at is None
