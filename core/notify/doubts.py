"""Tells the owner of a run that a step of it may have acted outside, and waits for their word."""

from __future__ import annotations

from core.accounts.service import Accounts
from core.db import Connection
from core.notify import messages
from core.notify.service import Mail
from core.runs.models import Run


class Doubts:
    """Writes the mails, in the transaction in which a step comes into doubt."""

    def __init__(self, accounts: Accounts, mail: Mail) -> None:
        """Find owners in ``accounts``; write ``mail``."""
        self._accounts = accounts
        self._mail = mail

    def tell(self, connection: Connection, run: Run) -> None:
        """Write to the owner of ``run``."""
        owner = self._accounts.user(run.owner_id)
        if owner is not None:
            link = self._mail.page("run", id=run.id)
            self._mail.put(connection, owner.email, messages.doubt(run.title, link))
