"""Sends the mails that are due, in a thread of the worker."""

from __future__ import annotations

import threading

from core.bootstrap import Core
from core.logs import get_logger

POLL_SECONDS = 1.0

log = get_logger(__name__)


class MailCarrier:
    """Carries mails away until it is told to end."""

    def __init__(self, core: Core) -> None:
        """Take mails from the outbox of ``core``."""
        self._core = core

    def serve(self, end: threading.Event) -> None:
        """Send what is due, every second."""
        while not end.wait(POLL_SECONDS):
            try:
                while self._core.outbox.deliver_next() and not end.is_set():
                    pass
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot send mail", error=type(error).__name__)
