"""Ask for the built-in model and report on it. The worker does the work; everybody may look."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Database
from core.errors import LocalModelUnavailable
from core.llm.local.support import why_unavailable
from core.local_model import repository
from core.local_model.models import LocalModelStatus, State

SILENT_AFTER = timedelta(seconds=30)


class LocalModel:
    """The state of the built-in model, kept in one row."""

    def __init__(self, db: Database, data_dir: Path, audit: Audit) -> None:
        """Work on ``db``; weights lie under ``data_dir``; tell ``audit``."""
        self._db = db
        self._data_dir = data_dir
        self._audit = audit

    def why_unavailable(self) -> str | None:
        """Return the sentence that says why it cannot run here, or None when it can."""
        return why_unavailable(self._data_dir)

    def status(self) -> LocalModelStatus:
        """Return how far it is."""
        with self._db.read() as connection:
            return repository.status(connection)

    def prepare(self, actor: User) -> LocalModelStatus:
        """Have the model fetched and checked before anybody has a key for it; for administrators.

        Raises:
            Forbidden: the actor is no administrator.
            LocalModelUnavailable: it cannot run on this machine.
        """
        require(actor, "settings.manage")
        return self._request(actor)

    def request(self) -> LocalModelStatus:
        """Ask the worker to fetch and check the model; harmless when it is ready or on its way.

        Raises:
            LocalModelUnavailable: it cannot run on this machine.
        """
        return self._request(None)

    def _request(self, actor: User | None) -> LocalModelStatus:
        reason = self.why_unavailable()
        if reason:
            raise LocalModelUnavailable(reason)
        with self._db.transaction() as connection:
            current = repository.status(connection)
            if current.is_busy:
                return current
            asked = LocalModelStatus("requested", 0, 0, "Waiting for the worker to start.", clock.now())
            repository.write(connection, asked)
            if actor is not None:  # else what asks for it is in the log: a key that was added or tested
                self._audit.record(connection, actor, "local_model.requested", "local_model", "")
            return asked

    def claim(self) -> bool:
        """Take the request over; True for exactly one worker."""
        at = clock.now()
        with self._db.transaction() as connection:
            return repository.claim(connection, at, at - SILENT_AFTER, ("fetching", "checking"))

    def report(self, state: State, message: str, bytes_done: int = 0, bytes_total: int = 0) -> None:
        """Say how far the work is."""
        with self._db.transaction() as connection:
            repository.write(connection, LocalModelStatus(state, bytes_done, bytes_total, message, clock.now()))
