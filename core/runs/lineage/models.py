"""Where a run comes from, and what it has started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.runs.models import Run


@dataclass(frozen=True)
class Source:
    """What has started a run by itself, and what people call it."""

    kind: Literal["schedule", "trigger"]
    name: str


@dataclass(frozen=True)
class Lineage:
    """A run's relations, as far as the one who looks may see them.

    ``owner_name`` is who runs it; ``parent`` the run that it works for, ``origin`` the one whose results it took
    over; ``children`` are what its own nodes have started, with their costs, the oldest first.
    """

    owner_name: str
    source: Source | None
    parent: Run | None
    origin: Run | None
    children: tuple[Run, ...]
