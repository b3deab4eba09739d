"""Starts the runs that schedules and triggers want, each once, and counts how they end.

The firing's row comes first, in the transaction that notices the time or takes the message. The run carries the
firing's id, of which there can be one only: whoever starts it again after a crash finds it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from core import clock
from core.accounts.models import User
from core.accounts.service import Accounts
from core.audit.origin import set_doer
from core.db import Connection, Database
from core.db.engine import is_passing
from core.errors import CoreError, Internal, OwnerInactive
from core.firings import repository
from core.firings.models import ENDED, MAX_SHOWN, Firing, Source
from core.logs import get_logger
from core.notify.stops import Stops
from core.runs.models import Run

BATCH = 20
KEPT = timedelta(days=90)

log = get_logger(__name__)


class Starter(Protocol):
    """Starts a run of a workflow."""

    def start_workflow_run(
        self,
        actor: User,
        workflow_id: str,
        inputs: Mapping[str, Any],
        budget_micros: int | None = None,
        *,
        source_id: str | None = None,
    ) -> Run:
        """Start a run under a firing's id, or raise ``CoreError``."""


class Sources(Protocol):
    """The schedules, or the triggers."""

    def source(self, connection: Connection, source_id: str, *, is_locked: bool = False) -> Source | None:
        """Return what fires, ``is_locked`` until the transaction ends; None when it is none of these, or gone."""

    def note_result(self, connection: Connection, source: Source, failures: int, *, has_stopped: bool) -> None:
        """Keep how often a source has failed in a row, and that it has stopped."""


class Firings:
    """What schedules and triggers have wanted, and what became of it."""

    def __init__(self, db: Database, accounts: Accounts, runs: Starter, stops: Stops) -> None:
        """Act for owners found in ``accounts``; start ``runs``; tell in ``stops`` of what has stopped."""
        self._db = db
        self._accounts = accounts
        self._runs = runs
        self._stops = stops
        self._sources: list[Sources] = []

    def register(self, sources: Sources) -> None:
        """Let the things of a noun fire."""
        self._sources.append(sources)

    def want(
        self, connection: Connection, source_id: str, key: str, at: datetime, inputs: Mapping[str, Any]
    ) -> Firing | None:
        """Note in the caller's transaction that a source wants a run; None when it has wanted this one before."""
        firing_id = clock.new_id("firing")
        if not repository.insert_firing(connection, firing_id, source_id, key, at, inputs):
            return None
        return repository.firing(connection, firing_id)

    def wanted(self, connection: Connection, source_id: str, key: str) -> Firing | None:
        """Return the firing that a source has wanted under a key."""
        return repository.firing_at(connection, source_id, key)

    def note_missed(self, connection: Connection, source_id: str, at: datetime, told: str) -> None:
        """Note in the caller's transaction that nothing ran at a time, and why."""
        repository.insert_missed(
            connection, clock.new_id("firing"), source_id, f"missed {at.isoformat()}", at, told
        )

    def start(self, firing: Firing) -> Firing:
        """Start the run of a firing, unless it was started; say in the firing why it could not be."""
        with self._db.read() as connection:
            source = self._source(connection, firing.source_id)
            started = repository.run_of(connection, firing.id)
            inputs = repository.inputs_of(connection, firing.id)
        if source is None:
            return self._refused(firing, None, OwnerInactive())
        if started is None:
            try:
                started = self._begin(source, firing, inputs)
            except Exception as error:
                with self._db.read() as connection:
                    started = repository.run_of(connection, firing.id)  # another worker may have been faster
                if started is None:
                    if not isinstance(error, CoreError):
                        raise
                    return self._refused(firing, source, error)
        run_id, _status = started
        with self._db.transaction() as connection:
            repository.change_status(connection, firing.id, ("due",), status="running", run_id=run_id)
        self._catch_up(firing.id)
        return self._now(firing)

    def start_due(self) -> int:
        """Start what is due, oldest first; return how many are not due any more.

        While the database is away for a moment they stay due, and the next look starts them.
        """
        with self._db.read() as connection:
            found = repository.due(connection, BATCH)
        settled = 0
        for firing in found:
            try:
                self.start(firing)
            except Exception as error:
                if is_passing(error):
                    log.warning("a firing cannot be started now", firing_id=firing.id, error=type(error).__name__)
                    continue
                log.exception("a firing could not be started", firing_id=firing.id)
                self._refused(firing, None, Internal(reference=firing.id))
            settled += 1
        return settled

    def is_due(self) -> bool:
        """Whether some run is still to be started."""
        with self._db.read() as connection:
            return repository.any_due(connection)

    def last(self, source_id: str, limit: int = 20) -> Sequence[Firing]:
        """Return the last firings of a source, newest first; the caller has checked who may know."""
        with self._db.read() as connection:
            return repository.firings_of(connection, source_id, min(limit, MAX_SHOWN))

    def newest(self, connection: Connection, source_ids: Collection[str]) -> Mapping[str, Firing]:
        """Return the last firing of each source, by the source's id."""
        return repository.newest(connection, source_ids)

    def run_ended(self, connection: Connection, run: Run) -> None:
        """Note in the transaction that ends a run how it went for what had wanted it."""
        if run.source_id is not None and run.status in ENDED:
            self._note_end(connection, run.source_id, run.status, run.error.message if run.error else "")

    def forget_old(self, limit: int) -> int:
        """Delete up to ``limit`` firings that ended more than 90 days ago; return how many."""
        with self._db.transaction() as connection:
            return repository.forget(connection, clock.now() - KEPT, limit)

    # --- inside ----------------------------------------------------------------------------------

    def _begin(self, source: Source, firing: Firing, inputs: Mapping[str, Any]) -> tuple[str, str]:
        owner = self._accounts.user(source.owner_id)
        if owner is None:
            raise OwnerInactive
        set_doer(source.kind, source.id)
        run = self._runs.start_workflow_run(
            owner, source.workflow_id, inputs, source.budget_micros, source_id=firing.id
        )
        return run.id, run.status

    def _refused(self, firing: Firing, source: Source | None, error: CoreError) -> Firing:
        at = clock.now()
        told = {"error_code": error.code, "error_message": error.sentence}
        with self._db.transaction() as connection:
            is_news = repository.change_status(
                connection, firing.id, ("due",), status="failed", ended_at=at, **told
            )
            if is_news and source is not None:
                self._count(connection, firing.source_id, is_success=False, told=error.sentence)
        return self._now(firing)

    def _catch_up(self, firing_id: str) -> None:
        """Note the end of a run that ended before its firing knew of it."""
        with self._db.transaction() as connection:
            found = repository.run_of(connection, firing_id)
            if found is not None and found[1] in ENDED:
                self._note_end(connection, firing_id, found[1], "")

    def _note_end(self, connection: Connection, firing_id: str, status: str, told: str) -> None:
        values = {"status": status, "ended_at": clock.now(), "error_message": told or None}
        if repository.change_status(connection, firing_id, ("due", "running"), **values):
            firing = repository.firing(connection, firing_id)
            if firing is not None and status != "cancelled":
                self._count(connection, firing.source_id, is_success=status == "succeeded", told=told)

    def _count(self, connection: Connection, source_id: str, *, is_success: bool, told: str) -> None:
        for sources in self._sources:
            # Locked: of two runs that end at once, both count, and one of them tells that it has stopped.
            if source := sources.source(connection, source_id, is_locked=True):
                failures = 0 if is_success else source.failures_in_row + 1
                most = source.stop_after_failures
                has_stopped = most is not None and failures >= most and not source.has_stopped
                if failures != source.failures_in_row:
                    sources.note_result(connection, source, failures, has_stopped=has_stopped)
                if has_stopped:
                    self._stops.tell(connection, source, failures, told)

    def _source(self, connection: Connection, source_id: str) -> Source | None:
        found = (sources.source(connection, source_id) for sources in self._sources)
        return next((source for source in found if source is not None), None)

    def _now(self, firing: Firing) -> Firing:
        with self._db.read() as connection:
            return repository.firing(connection, firing.id) or firing
