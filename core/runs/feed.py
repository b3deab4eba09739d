"""What is new in the runs that people watch; asked a few times a second, once for all who watch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from core.db import Database
from core.runs import repository
from core.runs.models import Head, RunEvent


class RunFeed:
    """Reads heads and events. The caller has checked who may know of a run."""

    def __init__(self, db: Database) -> None:
        """Read from ``db``."""
        self._db = db

    def heads(self, run_ids: Collection[str]) -> Mapping[str, Head]:
        """Return how far runs have come, by id; a run that is gone is not among them."""
        with self._db.read() as connection:
            return repository.heads(connection, run_ids)

    def events(self, run_id: str, after: int, limit: int) -> Sequence[RunEvent]:
        """Return what happened after event number ``after``, in order."""
        with self._db.read() as connection:
            return repository.events_after(connection, run_id, after, limit)
