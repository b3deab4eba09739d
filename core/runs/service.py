"""List and cancel runs; ``core.runs.starting`` starts them, ``core.runs.watching`` looks at one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.agents.service import Agents
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import OwnerInactive
from core.keys.models import Dependent
from core.keys.service import Keys
from core.ledger.service import Ledger
from core.quotas.service import Quotas
from core.runs import repository
from core.runs.ended import Ended
from core.runs.models import Backlog, Run, RunFilter, RunPage, WorkerInfo
from core.runs.queue import RunQueue
from core.runs.segments import repository as segments
from core.runs.stopping import Stopping
from core.runs.watching import Watching
from core.turns.service import WORKER_SILENT_AFTER
from core.usage.service import Usage
from core.workflows.service import Workflows


class Runs(Watching):
    """A person's runs."""

    def __init__(
        self,
        db: Database,
        queue: RunQueue,
        agents: Agents,
        keys: Keys,
        workflows: Workflows,
        usage: Usage,
        ledger: Ledger,
        quotas: Quotas,
        audit: Audit,
    ) -> None:
        """Look up what runs in ``agents``, ``keys`` and ``workflows``, and costs in ``usage``.

        Runs are capped and begin by ``ledger`` and ``quotas``.
        """
        super().__init__(db, queue, agents, keys, workflows, ledger, quotas, audit)
        self._usage = usage
        self.ended = Ended()
        self.ended.on_end(self._tell_above)
        self._stopping = Stopping(self.ended)

    def list(self, actor: User, agent_id: str | None = None, limit: int = 50) -> Sequence[Run]:
        """Return the actor's runs with their costs, newest first."""
        with self._db.read() as connection:
            found = repository.runs_of(connection, actor.id, agent_id, limit)
        totals = self._usage.of_runs([run.id for run in found])
        return [replace(run, totals=totals[run.id]) for run in found]

    def page(
        self, actor: User, wanted: RunFilter, before: tuple[datetime, str] | None = None, limit: int = 50
    ) -> RunPage:
        """Return some of the actor's runs with their costs and limits, newest first.

        Args:
            actor: whose runs.
            wanted: which of them.
            before: ``created_at`` and ``id`` of the last one that was read.
            limit: how many at most; there are fewer when their texts are long.
        """
        with self._db.read() as connection:
            found = repository.page(connection, actor.id, wanted, before, limit)
            ids = [run.id for run in found.items]
            caps = self._ledger.caps(connection, ids)
        totals = self._usage.of_runs(ids)
        runs = (replace(run, totals=totals[run.id], budget_micros=caps.get(run.id)) for run in found.items)
        return RunPage(tuple(runs), found.has_more)

    def cancel(self, actor: User, run_id: str) -> Run:
        """Ask a run to stop: at once when it is queued or waits, at its next breath when it works."""
        run = self._owned(actor, run_id)
        with self._db.transaction() as connection:
            self._stopping.stop(connection, run.id)
        return self.get(actor, run.id)

    def cancel_all(self, connection: Connection, owner_id: str) -> int:
        """Cancel a person's queued runs and stop their running ones in the caller's transaction."""
        found = repository.active_of(connection, owner_id)
        for run_id in found:
            self._stopping.stop(connection, run_id, OwnerInactive())
        return len(found)

    def active_on_key(self, connection: Connection, key_id: str) -> Sequence[Dependent]:
        """Return anybody's runs that wait or work on a key; the caller has checked who may know."""
        return repository.active_on_key(connection, key_id)

    def next_due_at(self) -> datetime | None:
        """Return when a worker has something to do: now, later, or None when runs wait for people at most."""
        with self._db.read() as connection:
            return clock.now() if repository.any_at_work(connection) else segments.next_wake(connection)

    def workers(self) -> Sequence[WorkerInfo]:
        """Return the workers that are alive."""
        with self._db.read() as connection:
            return repository.live_workers(connection, clock.now() - WORKER_SILENT_AFTER)

    def live_workers(self, actor: User) -> Sequence[WorkerInfo]:
        """Return the workers that are alive, the one that started first before the others; for administrators."""
        require(actor, "workers.read")
        return sorted(self.workers(), key=lambda worker: worker.started_at)

    def backlog(self, actor: User) -> Backlog:
        """Return how many runs of anybody wait and work; for administrators."""
        require(actor, "workers.read")
        with self._db.read() as connection:
            return repository.backlog(connection)

    def close(self) -> None:
        """Close the queue's connections."""
        self._queue.close()

    # --- inside ----------------------------------------------------------------------------------

    def _tell_above(self, connection: Connection, run: Run) -> None:
        if run.parent is not None:
            self.waking.wake(connection, run.parent.run_id)
