"""The worker's side of runs: what it executes and what it reports. It acts for the run's owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from core import clock
from core.db import Database
from core.engine.crash_points import reach
from core.errors import CoreError
from core.runs import repository
from core.runs.ended import Ended
from core.runs.models import ACTIVE, Run, RunTask, WorkerInfo
from core.runs.nodes import repository as nodes
from core.runs.nodes.memory import NodeMemory
from core.runs.segments import repository as segments
from core.runs.stopping import Stopping
from core.security.redact import redact, redact_tree

Beginning = Literal["begun", "taken_up"]


class RunJournal:
    """Reads tasks and writes their progress. Every text passes the redactor on its way in."""

    def __init__(self, db: Database, ended: Ended) -> None:
        """Work on ``db``; say in ``ended`` which runs have."""
        self._db = db
        self._ended = ended
        self._stopping = Stopping(ended)
        self.nodes = NodeMemory(db)

    def task(self, run_id: str) -> RunTask | None:
        """Return what to execute, or None when there is no such run."""
        with self._db.read() as connection:
            return repository.task(connection, run_id)

    def begin(self, run_id: str, segment: int = 1) -> Beginning | None:
        """Let a segment of a queued run work, or take it up again after a crash.

        None: it does not stand in the queue, and does not work in this segment.
        """
        at = clock.now()
        with self._db.transaction() as connection:
            if segments.begin(connection, run_id, segment, at):
                told = {} if segment == 1 else {"segment": segment}
                repository.add_event(
                    connection, run_id, at, "run_started" if segment == 1 else "run_continued", None, told
                )
                return "begun"
            if segments.is_at_work(connection, run_id, segment):
                repository.add_event(connection, run_id, at, "run_resumed", None, {})
                return "taken_up"
        return None

    def wait(self, run_id: str, segment: int, due_at: datetime | None) -> bool:
        """Let a run wait, until ``due_at`` at most; it holds no place meanwhile.

        False: something that it waits for has happened, it was asked to stop, or it has ended.
        """
        at = clock.now()
        with self._db.transaction() as connection:
            waits = segments.wait(connection, run_id, segment, due_at)
            if waits:
                told = {"due_at": due_at.isoformat() if due_at else None}
                repository.add_event(connection, run_id, at, "run_waiting", None, told)
        return waits

    def hear(self, run_id: str, segment: int) -> bool:
        """Return whether something has happened since, that a run which works waits for."""
        with self._db.read() as connection:
            if not segments.has_heard(connection, run_id):
                return False
        with self._db.transaction() as connection:
            return segments.hear(connection, run_id, segment)

    def is_at_work(self, run: Run) -> bool:
        """Whether a run works in its segment and was not asked to stop."""
        with self._db.read() as connection:
            return segments.is_at_work(connection, run.id, run.segment, or_stopping=False)

    def event(self, run_id: str, kind: str, node_id: str | None, data: Mapping[str, Any]) -> None:
        """Append an event."""
        with self._db.transaction() as connection:
            repository.add_event(connection, run_id, clock.now(), kind, node_id, redact_tree(dict(data)))

    def of_round(self, item: int) -> RunJournal:
        """Return this journal for a round of a for-each node: its events say which one."""
        return _RoundJournal(self._db, self._ended, self.nodes, item)

    def succeed(self, run_id: str, output: str, outputs: Mapping[str, Any] | None = None) -> bool:
        """End a run well, with the values of its output nodes if it has any; False when it had ended already."""
        values = {} if outputs is None else {"outputs": redact_tree(dict(outputs))}
        return self._end(run_id, "succeeded", "run_succeeded", {}, output=redact(output), **values)

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
        values |= {"status": status, "ended_at": at, "wake_at": None}
        with self._db.transaction() as connection:
            self._stopping.stop_inside(connection, run_id)
            ended = repository.change_status(connection, run_id, ACTIVE, **values)
            if ended:
                nodes.close(connection, run_id, at)
                repository.add_event(connection, run_id, at, kind, None, data)
                self._ended.tell(connection, run_id)
        reach("run ended")
        return ended


class _RoundJournal(RunJournal):
    def __init__(self, db: Database, ended: Ended, memory: NodeMemory, item: int) -> None:
        super().__init__(db, ended)
        self.nodes = memory
        self._item = item

    def event(self, run_id: str, kind: str, node_id: str | None, data: Mapping[str, Any]) -> None:
        super().event(run_id, kind, node_id, {**data, "round": self._item})
