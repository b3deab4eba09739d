"""Starts what schedules and triggers want, from a thread of the worker."""

from __future__ import annotations

import threading

from core.bootstrap import Core
from core.logs import get_logger

POLL_SECONDS = 1.0

log = get_logger(__name__)


class Starts:
    """Looks at the clock until it is told to end."""

    def __init__(self, core: Core) -> None:
        """Start runs of ``core``."""
        self._core = core

    def serve(self, end: threading.Event) -> None:
        """Note what is due and start its runs, every second; whoever else does so finds it done."""
        while not end.wait(POLL_SECONDS):
            try:
                self._core.schedules.fire_due()
                while self._core.firings.start_due() and not end.is_set():
                    pass
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot look at schedules", error=type(error).__name__)
