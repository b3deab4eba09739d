"""How long a person waits after wrong passwords: nothing for four, then 1, 2, 4 … 900 seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.accounts.models import Failures

FREE_TRIES = 4
LONGEST_SECONDS = 900
# NIST SP 800-63B-4, 3.2.2: no more than 100 consecutive failed attempts on one account.
HARD_STOP = 100


def wait_seconds(failures: Failures | None, now: datetime) -> int:
    """Return the seconds until the next try is allowed, 0 when it is allowed now."""
    if failures is None or failures.count < FREE_TRIES:
        return 0
    if failures.count >= HARD_STOP:
        delay = 24 * 3600
    else:
        delay = min(LONGEST_SECONDS, 2 ** min(failures.count - FREE_TRIES, 20))
    left = failures.last_failed_at + timedelta(seconds=delay) - now
    return max(0, int(left.total_seconds() + 0.999))
