"""Forgets once a day what nobody needs any more, so that the database does not grow with time alone.

No worker starts for it: it happens while one runs anyway. The audit log and the books are never touched. Beside it,
and not once a day only, people are reminded of keys that expire; for that a worker does start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.bootstrap import Core
from core.errors import RateLimitedHere
from core.housekeeping import service as signing_in
from core.logs import get_logger

ONCE_A_DAY = 1 / 24
BATCH = 500
# A day's share: what is left waits for the next day, so that a large first time does not hold the worker up.
MAX_BATCHES = 200
# Between batches others get at the database: SQLite has one writer.
PAUSE_SECONDS = 0.05
LOOK_SECONDS = 600.0

log = get_logger(__name__)


class Housekeeping:
    """Forgets old rows in small batches."""

    def __init__(self, core: Core) -> None:
        """Work on the database of ``core``."""
        self._core = core

    def serve(self, end: threading.Event) -> None:
        """Look every ten minutes whom to remind, and whether today's turn is still to be taken."""
        turns: dict[str, Callable[[], object]] = {
            "remind": self._core.key_care.remind,
            "tidy up": lambda: self.tidy_once_a_day(end),
        }
        while True:
            for what, turn in turns.items():
                try:
                    turn()
                except Exception as error:  # the database may be away for a moment
                    log.warning(f"cannot {what}", error=type(error).__name__)
            if end.wait(LOOK_SECONDS):
                return

    def tidy_once_a_day(self, end: threading.Event) -> dict[str, int] | None:
        """Forget what is old, unless some worker has done it today; return how many rows of what."""
        try:
            # One row that all workers share: whoever takes the day's place does it.
            self._core.limits.take("housekeeping", ONCE_A_DAY, burst=1)
        except RateLimitedHere:
            return None
        batches = {
            **signing_in.batches(self._core.db, BATCH),
            "sign-ins at providers": lambda: self._core.oauth.forget_old(BATCH),
            "mails": self._core.outbox.forget_old,
            "webhook deliveries": lambda: self._core.webhook_courier.forget_old(BATCH),
            "firings": lambda: self._core.firings.forget_old(BATCH),
            "kept answers": lambda: self._core.idempotency.forget_old(BATCH),
            "windows of limits": lambda: self._core.rates.forget_old(BATCH),
            "limits": lambda: self._core.limits.forget_old(BATCH),
        }
        counts = {name: _repeat(batch, end) for name, batch in batches.items()}
        log.info("tidied up", **{name.replace(" ", "_"): count for name, count in counts.items() if count})
        return counts


def _repeat(batch: Callable[[], int], end: threading.Event) -> int:
    total = 0
    for _ in range(MAX_BATCHES):
        count = batch()
        total += count
        if not count or end.wait(PAUSE_SECONDS):
            break
    return total
