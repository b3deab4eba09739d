"""The state of the built-in model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

State = Literal["absent", "requested", "fetching", "checking", "ready", "failed"]


@dataclass(frozen=True)
class LocalModelStatus:
    """How far the built-in model is: ``message`` is a sentence, sizes are bytes."""

    state: State
    bytes_done: int
    bytes_total: int
    message: str
    updated_at: datetime | None

    @property
    def is_busy(self) -> bool:
        """Whether the worker has something to do or is doing it."""
        return self.state in ("requested", "fetching", "checking")


ABSENT = LocalModelStatus("absent", 0, 0, "The built-in model has not been fetched yet.", None)
