"""Whoever wants to know of the end of runs hears of it here, in the transaction that ends them."""

from __future__ import annotations

from collections.abc import Callable

from core.db import Connection
from core.runs import repository
from core.runs.models import Run


class Ended:
    """Tells of runs that have just ended: in the worker, or cancelled before they began."""

    def __init__(self) -> None:
        """Tell nobody yet."""
        self._listeners: list[Callable[[Connection, Run], None]] = []

    def on_end(self, tell: Callable[[Connection, Run], None]) -> None:
        """Call ``tell`` with each run as it has ended, without its costs."""
        self._listeners.append(tell)

    def tell(self, connection: Connection, run_id: str) -> None:
        """Say that a run has ended, in the transaction of its end."""
        task = repository.task(connection, run_id) if self._listeners else None
        if task is not None:
            for tell in self._listeners:
                tell(connection, task.run)
