"""Time that passes only when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core import clock


class StoppedClock:
    """Stands for ``core.clock.now``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moment = datetime.now(UTC)
        monkeypatch.setattr(clock, "now", self)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **span: float) -> None:
        """Let ``timedelta(**span)`` pass."""
        self.moment += timedelta(**span)
