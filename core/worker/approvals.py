"""Lets approvals expire and reminds people of them, in a thread of the worker."""

from __future__ import annotations

import threading

from core.audit.origin import set_doer
from core.bootstrap import Core
from core.logs import get_logger

POLL_SECONDS = 5.0

log = get_logger(__name__)


class ApprovalClock:
    """Watches the time of approvals until it is told to end."""

    def __init__(self, core: Core) -> None:
        """Watch the approvals of ``core``."""
        self._core = core

    def serve(self, end: threading.Event) -> None:
        """Look every five seconds what is due."""
        set_doer("worker")
        while not end.wait(POLL_SECONDS):
            try:
                self._core.approvals.sweep()
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot look after approvals", error=type(error).__name__)
