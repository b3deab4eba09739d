"""Lets waiting runs begin in fair turns: only so many are in the queue as workers have places for.

Every process that starts a run and every worker calls it; the database lets one choose at a time. What was let
begin is noted in the run's row before the queue is told: a crash in between is mended by ``sweep``. Places are
counted from the rows, so a dead worker holds none for longer than its runs take to be taken over and end.
"""

from __future__ import annotations

from datetime import timedelta

from core import clock
from core.db import Connection, Database
from core.engine.crash_points import reach
from core.logs import get_logger
from core.quotas.models import SCOPES, Rules
from core.quotas.service import Quotas
from core.runs.models import QueuePlace, Run
from core.runs.queue import RunQueue
from core.turns import fairness, repository

SWEEP_AFTER = timedelta(seconds=3)
WORKER_SILENT_AFTER = timedelta(seconds=20)
# So many runs of one person are looked at: a run that its key's limit holds back does not hold back the others.
LOOKED_AT = 50

log = get_logger(__name__)


class Dispatch:
    """Chooses whose run is next and gives it to the queue."""

    def __init__(self, db: Database, queue: RunQueue, quotas: Quotas) -> None:
        """Keep to the limits of ``quotas``; fill ``queue``."""
        self._db = db
        self._queue = queue
        self._quotas = quotas

    def begin_next(self) -> int:
        """Let as many waiting runs begin as there are places for; return how many."""
        with self._db.read() as connection:
            # Cheap, and without a lock: this is asked ten times a second.
            if not repository.any_waiting(connection) or self._free(connection) <= 0:
                return 0
            rules = self._quotas.rules(connection)
        with self._db.transaction() as connection:
            repository.one_chooses(connection)
            turns = repository.note_enqueued(connection, self._choose(connection, rules), clock.now())
        if turns:
            reach("run let begin")
        for turn in turns:
            self._give(turn)
        return len(turns)

    def sweep(self) -> int:
        """Tell the queue again of runs that were let begin a while ago and have not; return how many it took."""
        with self._db.read() as connection:
            lost = repository.not_begun(connection, clock.now() - SWEEP_AFTER)
        given = [turn.run_id for turn in lost if self._give(turn)]
        if given:
            with self._db.transaction() as connection:
                repository.note_given(connection, given, clock.now())
        return len(given)

    def place(self, run: Run) -> QueuePlace | None:
        """Return why a run waits; None when it does not."""
        with self._db.read() as connection:
            rules = self._quotas.rules(connection)
            of_keys = rules.limits_runs_of("key")
            found = repository.waiting(connection, 1, of_keys=of_keys, run_id=run.id)
            if not found:
                return None
            load = repository.load(connection, of_keys=of_keys)
            counts = repository.waiting_counts(connection)
            before = repository.waiting_before(connection, run.owner_id, run.created_at, run.id)
        ahead = fairness.ahead(before, run.owner_id, counts, load.working)
        return QueuePlace(ahead, fairness.full(found[0], load.working, rules))

    def _choose(self, connection: Connection, rules: Rules) -> list[str]:
        free = self._free(connection)
        of_keys = rules.limits_runs_of("key")
        waiting = repository.waiting(connection, LOOKED_AT, of_keys=of_keys)
        load = fairness.Load()
        # Most of the time nobody else waits and no limit asks who works.
        if len({run.owner_id for run in waiting}) > 1 or any(map(rules.limits_runs_of, SCOPES)):
            load = repository.load(connection, of_keys=of_keys)
        return fairness.choose(waiting, load, rules, free)

    def _free(self, connection: Connection) -> int:
        """Return how many places are free; on SQLite there is one worker, whatever rows dead ones left."""
        since = clock.now() - WORKER_SILENT_AFTER
        return repository.free_places(connection, since, sum_up=not self._db.is_sqlite)

    def _give(self, turn: fairness.Turn) -> bool:
        try:
            self._queue.enqueue(turn.run_id, turn.owner_id, turn.segment)
        except Exception as error:  # the run is safe in its row; the next sweep tries again
            log.warning("a run could not be enqueued", run_id=turn.run_id, error=type(error).__name__)
            return False
        reach("segment enqueued")
        return True
