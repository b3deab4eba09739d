"""Wakes runs that wait: by somebody's word, by the end of another run, or because it is time."""

from __future__ import annotations

from collections.abc import Callable

from core import clock
from core.db import Connection, Database
from core.engine.crash_points import reach
from core.logs import get_logger
from core.runs import repository
from core.runs.segments import repository as segments
from core.turns.service import Dispatch

log = get_logger(__name__)


class Waking:
    """Lets waiting runs go on. The caller has checked who may have them woken."""

    def __init__(self, db: Database, dispatch: Dispatch) -> None:
        """Give woken runs to ``dispatch``."""
        self._db = db
        self._dispatch = dispatch
        self._listeners: list[Callable[[], None]] = []

    def on_work(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever there is something to do: the supervisor of the embedded worker wakes up."""
        self._listeners.append(listener)

    def wake(self, connection: Connection, run_id: str) -> None:
        """Have a run look again at what it waits for, in the caller's transaction; call ``let_begin`` after it.

        A run that works hears of it before it waits; one that has ended stays as it is.
        """
        at = clock.now()
        if segments.wake(connection, run_id, at):
            repository.add_event(connection, run_id, at, "run_woken", None, {})

    def let_begin(self) -> None:
        """Let runs begin that stand in the queue, as far as there are places; outside of any transaction."""
        try:
            self._dispatch.begin_next()
        except Exception as error:  # the runs are safe in their rows; a worker asks again
            log.warning("no run could be let begin", error=type(error).__name__)
        for listener in self._listeners:
            listener()

    def wake_due(self) -> int:
        """Wake the runs whose time has come; return how many."""
        with self._db.read() as connection:
            found = segments.due(connection, clock.now())
        for run_id in found:
            with self._db.transaction() as connection:
                self.wake(connection, run_id)
            reach("run woken")
        return len(found)
