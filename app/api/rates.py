"""How often one caller may ask: the generic cell rate algorithm in memory, for there is one web process."""

from __future__ import annotations

import math
from threading import Lock

from core import clock
from core.errors import RateLimitedHere

# Who has not asked for as long as a full burst takes is forgotten; looked for when there are so many callers.
SWEEP_AT = 10_000


class Rates:
    """Counts requests by caller."""

    def __init__(self, per_minute: int) -> None:
        """Allow ``per_minute`` in the long run, and a third of that at once."""
        self._interval_seconds = 60 / per_minute
        self._tolerance_seconds = self._interval_seconds * (max(1, per_minute // 3) - 1)
        self._arrivals: dict[str, float] = {}
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """Count a request; raise ``RateLimitedHere`` when it comes too early."""
        now = clock.monotonic_seconds()
        with self._lock:
            if len(self._arrivals) > SWEEP_AT:
                self._arrivals = {name: at for name, at in self._arrivals.items() if at > now}
            arrival = max(self._arrivals.get(caller, now), now)
            early = arrival - now - self._tolerance_seconds
            if early > 0:
                raise RateLimitedHere(wait_seconds=max(1, math.ceil(early)))
            self._arrivals[caller] = arrival + self._interval_seconds
