"""Tells the owner of a schedule or trigger that it has stopped by itself."""

from __future__ import annotations

from core.accounts.service import Accounts
from core.db import Connection
from core.firings.models import Source
from core.notify import messages
from core.notify.service import Mail


class Stops:
    """Writes the mails, in the transaction of what has stopped."""

    def __init__(self, accounts: Accounts, mail: Mail) -> None:
        """Find owners in ``accounts``; write ``mail``."""
        self._accounts = accounts
        self._mail = mail

    def tell(self, connection: Connection, source: Source, failures: int, why: str) -> None:
        """Write to the owner of ``source``, which failed so often in a row."""
        owner = self._accounts.user(source.owner_id)
        if owner is None:
            return
        link = self._mail.page("workflow", id=source.workflow_id)
        self._mail.put(connection, owner.email, messages.stopped(source.kind, source.name, failures, why, link))
