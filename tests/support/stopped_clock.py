"""Time that passes only when a test says so, or that passes as ever from a moment which a test names."""

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


class ShiftedClock:
    """Stands for ``core.clock.now`` and runs as fast: it is ``moment`` when this is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
        self._ahead = moment - datetime.now(UTC)
        monkeypatch.setattr(clock, "now", self)

    @classmethod
    def noon(cls, monkeypatch: pytest.MonkeyPatch) -> ShiftedClock:
        """Let it be noon of today, so that the day does not end while a test runs."""
        return cls(monkeypatch, datetime.now(UTC).replace(hour=12))

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead
