"""Sends the deliveries of webhooks that are due, in a few threads of the worker: one slow receiver stops nobody."""

from __future__ import annotations

import threading

from core.audit.origin import set_doer
from core.bootstrap import Core
from core.logs import get_logger

POLL_SECONDS = 1.0
THREADS = 4

log = get_logger(__name__)


class WebhookCarrier:
    """Carries deliveries away until it is told to end."""

    def __init__(self, core: Core) -> None:
        """Take deliveries from ``core``."""
        self._core = core

    def serve(self, end: threading.Event) -> None:
        """Send what is due, every second."""
        threads = [
            threading.Thread(target=self._carry, args=(end,), name=f"webhooks-{number}", daemon=True)
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _carry(self, end: threading.Event) -> None:
        set_doer("worker")
        while not end.wait(POLL_SECONDS):
            try:
                while self._core.webhook_courier.deliver_next() and not end.is_set():
                    pass
            except Exception as error:  # the database may be away for a moment
                log.warning("cannot deliver to webhooks", error=type(error).__name__)
