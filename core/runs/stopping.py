"""Stops runs, and with a run those that its nodes have started: from the innermost to the outermost.

Whoever ends a run tells the one above it. Everybody locks them in this order: nobody waits for each other.
"""

from __future__ import annotations

from core import clock
from core.db import Connection
from core.errors import CoreError
from core.runs import repository
from core.runs.ended import Ended
from core.runs.lineage import repository as lineage
from core.runs.nodes import repository as nodes
from core.runs.segments import repository as segments


class Stopping:
    """Stops runs in the caller's transaction. The caller has checked whose they are."""

    def __init__(self, ended: Ended) -> None:
        """Say in ``ended`` which have ended at once."""
        self._ended = ended

    def stop(self, connection: Connection, run_id: str, reason: CoreError | None = None) -> None:
        """End a run that is queued or waits at once; ask one that works to stop, unless it was asked before."""
        self.stop_inside(connection, run_id, reason)
        segments.lock(connection, run_id)  # or it could begin to wait just after we looked whether it does
        at = clock.now()
        told = {"error_code": reason.code, "error_message": reason.sentence} if reason else {}
        stopped = {"status": "cancelled", "cancel_requested_at": at, "ended_at": at, "wake_at": None}
        if repository.change_status(connection, run_id, ("queued", "waiting"), **stopped, **told):
            nodes.close(connection, run_id, at)
            detail = {"code": reason.code} if reason else {}
            repository.add_event(connection, run_id, at, "run_cancelled", None, detail)
            self._ended.tell(connection, run_id)
        else:
            repository.ask_to_stop(connection, run_id, at)

    def stop_inside(self, connection: Connection, run_id: str, reason: CoreError | None = None) -> None:
        """Stop the runs that nodes of a run have started."""
        for child_id in lineage.active_inside(connection, run_id):
            self.stop(connection, child_id, reason)
