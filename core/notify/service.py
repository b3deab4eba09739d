"""Puts mails into the outbox, in the transaction of what they are about. The worker sends them."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.config import Settings
from core.db import Connection, Database
from core.notify import repository
from core.notify.base import Transport
from core.notify.models import MailState, MailStatus, Message
from core.security.redact import register_secret
from core.security.sealing import Vault

# Longer than any transport takes: after this a claim belongs to a worker that died.
LOST_AFTER = timedelta(minutes=10)


class Mail:
    """The outbox as everybody but the worker sees it."""

    def __init__(self, db: Database, settings: Settings, vault: Vault, transport: Transport | None) -> None:
        """Seal bodies with ``vault``; without a ``transport`` nothing is written."""
        self._db = db
        self._vault = vault
        self._base_url = settings.base_url.rstrip("/")
        self.sender = settings.mail_from
        self.transport = transport
        self.daily_cap = settings.mail_daily_cap or (transport.daily_cap if transport else None)

    @property
    def is_set_up(self) -> bool:
        """Whether mail can be sent from here."""
        return self.transport is not None

    def link(self, path: str, token: str) -> str:
        """Return the address of a page with a token: a secret."""
        register_secret(token)
        return f"{self._base_url}/{path}?{urlencode({'token': token})}"

    def put(
        self, connection: Connection, recipient: str, message: Message, *, is_decoy: bool = False
    ) -> str | None:
        """Write a mail into the outbox, in the caller's transaction; return its id, None without transport.

        A decoy is written and never sent: it makes an unknown address cost the same work as a known one.
        """
        if self.transport is None:
            return None
        mail_id, at = clock.new_id("mail"), clock.now()
        sealed = self._vault.seal(message.body.get_secret_value(), **sealing_context(mail_id))
        status: MailState = "void" if is_decoy else "queued"
        repository.insert_mail(
            connection,
            id=mail_id,
            kind=message.kind,
            recipient=recipient,
            subject=message.subject,
            body_sealed=None if is_decoy else sealed,
            status=status,
            created_at=at,
            due_at=at,
        )
        return mail_id

    def next_due_at(self) -> datetime | None:
        """Return when the worker has mail to send, None when nothing waits or mail is not set up."""
        if self.transport is None:
            return None
        with self._db.read() as connection:
            return repository.first_due_at(connection, LOST_AFTER)

    def status(self, actor: User) -> MailStatus:
        """Return how the mail goes; for administrators."""
        require(actor, "settings.manage")
        with self._db.read() as connection:
            counts = repository.counts(connection)
            return MailStatus(
                transport=self.transport.label if self.transport else None,
                queued=counts.get("queued", 0) + counts.get("sending", 0),
                sent_today=repository.sent_since(connection, midnight(clock.now())),
                failed=counts.get("failed", 0),
                unknown=counts.get("unknown", 0),
                daily_cap=self.daily_cap,
                last_error=repository.last_error(connection),
            )


def midnight(at: datetime) -> datetime:
    """Return the beginning of a moment's day in UTC."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def sealing_context(mail_id: str) -> dict[str, str]:
    """Return what binds a sealed body to its row."""
    return {"table": "mail_outbox", "row": mail_id, "field": "body"}
