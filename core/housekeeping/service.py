"""What is forgotten of signing in, and when. What people did stays in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from core import clock
from core.db import Database
from core.housekeeping import repository

# Ended sessions tell which browsers a person has used, so that only a really new one makes a notice.
SESSIONS_KEPT = timedelta(days=90)
LINKS_KEPT = timedelta(days=30)
TICKETS_KEPT = timedelta(days=1)


def batches(db: Database, limit: int) -> dict[str, Callable[[], int]]:
    """Return what deletes ``limit`` rows at most, by what it deletes; each call says how many those were."""

    def sessions() -> int:
        with db.transaction() as connection:
            return repository.forget_sessions(connection, clock.now() - SESSIONS_KEPT, limit)

    def tickets() -> int:
        with db.transaction() as connection:
            return repository.forget_tickets(connection, clock.now() - TICKETS_KEPT, limit)

    def links() -> int:
        with db.transaction() as connection:
            return repository.forget_links(connection, clock.now() - LINKS_KEPT, limit)

    return {"sessions": sessions, "tickets": tickets, "mail links": links}
