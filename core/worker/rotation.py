"""Goes on with a rotation of the master key, in a thread of the worker."""

from __future__ import annotations

import threading

from core.audit.origin import set_doer
from core.bootstrap import Core
from core.logs import get_logger

POLL_SECONDS = 1.0

log = get_logger(__name__)


class Rotator:
    """Seals anew what is left to do, until it is told to end."""

    def __init__(self, core: Core) -> None:
        """Rotate the master keys of ``core``."""
        self._core = core

    def serve(self, end: threading.Event) -> None:
        """Look every second whether a rotation is under way."""
        set_doer("worker")
        while not end.wait(POLL_SECONDS):
            try:
                if not self._core.master_keys.is_rotating():
                    continue
                for _ in self._core.master_keys.carry_on():
                    if end.is_set():
                        return
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot rotate the master key", error=type(error).__name__)
