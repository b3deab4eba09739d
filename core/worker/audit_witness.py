"""Tells the log stream where the audit log ends: whoever cuts the database cannot cut what is kept elsewhere."""

from __future__ import annotations

import threading

from core.audit.service import Audit
from core.logs import get_logger

TELL_SECONDS = 3600.0

log = get_logger(__name__)


class AuditWitness:
    """Tells it at the start, every hour and at the end of a worker."""

    def __init__(self, audit: Audit, every_seconds: float = TELL_SECONDS) -> None:
        """Ask ``audit`` every so many seconds."""
        self._audit = audit
        self._every_seconds = every_seconds

    def serve(self, end: threading.Event) -> None:
        """Tell it now and then every hour, until ``end`` is set."""
        self.tell()
        while not end.wait(self._every_seconds):
            self.tell()

    def tell(self) -> None:
        """Write number and MAC of the newest entry; ``audit verify`` takes both."""
        try:
            head = self._audit.head()
        except Exception as error:  # the database may be away for a moment
            log.warning("cannot read where the audit log ends", error=type(error).__name__)
            return
        log.info("audit log ends here", seq=head.seq, mac=head.mac)
