"""A queue without workers, for tests that are about the rows."""

from __future__ import annotations

from typing import cast

from core import clock
from core.bootstrap import Core
from core.ledger.service import Ledger
from core.runs.models import WorkerInfo
from core.runs.queue import RunQueue
from core.runs.service import Runs


class StubQueue:
    """Remembers what it was given, or is down."""

    def __init__(self) -> None:
        self.given: list[tuple[str, str]] = []
        self.segments: list[int] = []
        self.is_down = False

    def enqueue(self, run_id: str, owner_id: str, segment: int = 1) -> None:
        """Take a run in."""
        if self.is_down:
            raise ConnectionError("down")
        self.given.append((run_id, owner_id))
        self.segments.append(segment)

    def close(self) -> None:
        """Nothing is open."""


def a_worker(core: Core, slots: int, executor_id: str = "worker_1") -> None:
    """Let a worker say that it is alive and executes so many runs at once; it executes none."""
    at = clock.now()
    core.journal.worker_started(WorkerInfo(executor_id, "host", 1, False, at, at, None, slots))


def runs_with(core: Core, queue: StubQueue) -> Runs:
    """Return the runs of ``core`` with ``queue`` in the place of the real one."""
    looked_up = (core.agents, core.keys, core.workflows, core.usage)
    return Runs(core.db, cast(RunQueue, queue), *looked_up, Ledger(), core.quotas, core.audit)
