"""Time that passes only when a test says so, or that passes as ever from a moment which a test names."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from core import clock


def let_it_end(end: datetime, longest_seconds: float = 300) -> None:
    """Wait for the end of a day or month that ends within ``longest_seconds``.

    A test of many processes has no clock that it could stop for all of them, and needs one that holds all of it.
    """
    left = (end - clock.now()).total_seconds()
    if left < longest_seconds:
        time.sleep(left + 1)


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
