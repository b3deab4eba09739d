"""The worker's side of runs: what it executes and what it reports. It acts for the run's owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core import clock
from core.db import Database
from core.errors import CoreError
from core.runs import repository
from core.runs.ended import Ended
from core.runs.models import RunTask, WorkerInfo
from core.security.redact import redact, redact_tree


class RunJournal:
    """Reads tasks and writes their progress. Every text passes the redactor on its way in."""

    def __init__(self, db: Database, ended: Ended) -> None:
        """Work on ``db``; say in ``ended`` which runs have."""
        self._db = db
        self._ended = ended

    def task(self, run_id: str) -> RunTask | None:
        """Return what to execute, or None when there is no such run."""
        with self._db.read() as connection:
            return repository.task(connection, run_id)

    def begin(self, run_id: str) -> bool:
        """Turn a queued run into a running one; False when it was running already (after a crash)."""
        at = clock.now()
        with self._db.transaction() as connection:
            began = repository.change_status(connection, run_id, ("queued",), status="running", started_at=at)
            if began or repository.change_status(connection, run_id, ("running",), status="running"):
                repository.add_event(connection, run_id, at, "run_started" if began else "run_resumed", None, {})
        return began

    def event(self, run_id: str, kind: str, node_id: str | None, data: Mapping[str, Any]) -> None:
        """Append an event."""
        with self._db.transaction() as connection:
            repository.add_event(connection, run_id, clock.now(), kind, node_id, redact_tree(dict(data)))

    def succeed(self, run_id: str, output: str) -> bool:
        """End a run well; False when it had ended already."""
        return self._end(run_id, "succeeded", "run_succeeded", {}, output=redact(output))

    def cancelled(self, run_id: str, reason: CoreError | None = None) -> bool:
        """End a run that was asked to stop, or may not go on for a reason; False when it had ended already."""
        if reason is None:
            return self._end(run_id, "cancelled", "run_cancelled", {})
        told = {"code": reason.code, "message": reason.sentence}
        return self._end(
            run_id, "cancelled", "run_cancelled", told, error_code=told["code"], error_message=told["message"]
        )

    def fail(self, run_id: str, error: CoreError) -> bool:
        """End a run with an error; False when it had ended already."""
        told = {"code": error.code, "message": redact(error.sentence)}
        return self._end(
            run_id, "failed", "run_failed", told, error_code=told["code"], error_message=told["message"]
        )

    def cancel_requested(self, run_ids: Sequence[str]) -> set[str]:
        """Return which of these runs were asked to stop."""
        if not run_ids:
            return set()
        with self._db.read() as connection:
            return repository.cancel_requested(connection, run_ids)

    def worker_started(self, worker: WorkerInfo) -> None:
        """Register a worker."""
        with self._db.transaction() as connection:
            repository.insert_worker(connection, worker)

    def worker_beat(self, executor_id: str) -> None:
        """Say that a worker is alive."""
        with self._db.transaction() as connection:
            repository.beat(connection, executor_id, clock.now())

    def worker_stopped(self, executor_id: str) -> None:
        """Say that a worker has ended."""
        with self._db.transaction() as connection:
            repository.stop_worker(connection, executor_id, clock.now())

    def _end(self, run_id: str, status: str, kind: str, data: Mapping[str, Any], **values: Any) -> bool:
        at = clock.now()
        with self._db.transaction() as connection:
            ended = repository.change_status(
                connection, run_id, ("running", "waiting", "queued"), status=status, ended_at=at, **values
            )
            if ended:
                repository.add_event(connection, run_id, at, kind, None, data)
                self._ended.tell(connection, run_id)
        return ended
