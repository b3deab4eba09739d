"""Puts mails into the outbox, in the transaction of what they are about. The worker sends them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import Conflict, MailNotSetUp, NotFound
from core.keys.models import Key
from core.keys.registry import kind_named
from core.limits.service import Limits
from core.notify import messages, repository
from core.notify.base import Transport
from core.notify.chosen import ChosenKeys
from core.notify.models import (
    BODY_KEPT,
    GROUPS,
    WORTH_SENDING,
    MailGroup,
    MailState,
    MailStatus,
    Message,
    SentMail,
)
from core.security.redact import register_secret
from core.security.sealing import Vault

# Longer than any transport takes: after this a claim belongs to a worker that died.
LOST_AFTER = timedelta(minutes=10)
LIST_LIMIT = 50
TESTS_AN_HOUR = 10


class Mail:
    """The outbox as everybody but the worker sees it."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        vault: Vault,
        transport: Transport | None,
        audit: Audit,
        limits: Limits,
        chosen: ChosenKeys,
    ) -> None:
        """Seal bodies with ``vault``; send with ``transport``, which the settings say, else as ``chosen``.

        Without either of them nothing is written.
        """
        self._db = db
        self._audit = audit
        self._limits = limits
        self._vault = vault
        self._base_url = settings.base_url.rstrip("/")
        self.sender = settings.mail_from
        self.transport = transport
        self._chosen = chosen
        self.daily_cap = settings.mail_daily_cap or (transport.daily_cap if transport else None)

    @property
    def is_set_up(self) -> bool:
        """Whether mail can be sent from here."""
        if self.transport is not None:
            return True
        with self._db.read() as connection:
            return self._chosen.current(connection) is not None

    def link(self, path: str, token: str, site: str = "") -> str:
        """Return the address of a page with a token: a secret. ``site`` stands in where ZOARK_BASE_URL is unset."""
        register_secret(token)
        return f"{self._base_url or site.rstrip('/')}/{path}?{urlencode({'token': token})}"

    def page(self, path: str, **query: str) -> str:
        """Return the address of a page for a mail; empty where ZOARK_BASE_URL is unset."""
        return f"{self._base_url}/{path}?{urlencode(query)}" if self._base_url else ""

    def put(
        self,
        connection: Connection,
        recipient: str,
        message: Message,
        *,
        is_decoy: bool = False,
        mail_id: str | None = None,
    ) -> str | None:
        """Write a mail into the outbox, in the caller's transaction; return its id, None without transport.

        A decoy is written and never sent: it makes an unknown address cost the same work as a known one. Under a
        ``mail_id`` of the caller's it is written once.
        """
        if self.transport is None and self._chosen.current(connection) is None:
            return None
        mail_id, at = mail_id or clock.new_id("mail"), clock.now()
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

    def has(self, connection: Connection, mail_id: str) -> bool:
        """Whether there is such a mail in the outbox, in any state."""
        return repository.by_id(connection, mail_id) is not None

    def next_due_at(self) -> datetime | None:
        """Return when the worker has mail to send, None when nothing waits or mail is not set up."""
        if not self.is_set_up:
            return None
        with self._db.read() as connection:
            return repository.first_due_at(connection, LOST_AFTER)

    def way(self) -> tuple[str, Callable[[], Transport]] | None:
        """Return the sender and what opens the transport for one mail; None when mail is not set up."""
        if (transport := self.transport) is not None:
            return self.sender, lambda: transport
        with self._db.read() as connection:
            chosen = self._chosen.current(connection)
        return (chosen.sender, self._chosen.transport) if chosen else None

    def cap(self, connection: Connection) -> int | None:
        """Return how many mails a day may go out; None without limit."""
        if self.transport is not None or self.daily_cap is not None:
            return self.daily_cap
        chosen = self._chosen.current(connection)
        return chosen.daily_cap if chosen else None

    def choices(self, actor: User) -> Sequence[Key]:
        """Return the e-mail keys that the actor may choose to send mail with; for administrators."""
        return self._chosen.choices(actor)

    def choose_key(self, actor: User, key_id: str | None) -> None:
        """Have mail sent with a key, or with none any more; for administrators. See ``ChosenKeys.choose``.

        Raises:
            StepUpRequired, NotFound, Invalid: as said there.
            Conflict: the settings of this server say already how mail is sent.
        """
        require(actor, "settings.manage")
        if self.transport is not None:
            setting = self.transport.settings[0]
            raise Conflict(f"{setting} says how mail is sent. Take it out of the settings to choose a key here.")
        self._chosen.choose(actor, key_id)

    def status(self, actor: User) -> MailStatus:
        """Return how the mail goes; for administrators."""
        require(actor, "settings.manage")
        with self._db.read() as connection:
            counts = repository.counts(connection)
            way = self._way_taken(connection)
            return MailStatus(
                **way,
                queued=counts.get("queued", 0) + counts.get("sending", 0),
                sent_today=repository.sent_since(connection, midnight(clock.now())),
                failed=counts.get("failed", 0),
                unknown=counts.get("unknown", 0),
                daily_cap=self.cap(connection),
                last_error=repository.last_error(connection),
            )

    def list(
        self,
        actor: User,
        group: MailGroup,
        *,
        before: tuple[datetime, str] | None = None,
        limit: int = LIST_LIMIT,
    ) -> Sequence[SentMail]:
        """Return the newest mails of a group, 50 at most unless told; for administrators.

        With ``before``, when a mail was written and its id, the list goes on behind it, be it gone by now or not.
        """
        require(actor, "settings.manage")
        with self._db.read() as connection:
            rows = repository.newest(connection, GROUPS[group], limit, before)
        return [_sent_mail(row) for row in rows]

    def get(self, actor: User, mail_id: str) -> SentMail:
        """Return how one mail goes; for administrators."""
        require(actor, "settings.manage")
        with self._db.read() as connection:
            return _sent_mail(_found(repository.by_id(connection, mail_id)))

    def retry(self, actor: User, mail_id: str) -> None:
        """Have a mail that failed sent again, from its first attempt on; for administrators.

        Raises:
            MailNotSetUp: mail cannot be sent from here.
            NotFound: there is no such mail.
            Conflict: it has not failed, or its link does not work any more.
        """
        require(actor, "settings.manage")
        self._require_transport()
        at = clock.now()
        with self._db.transaction() as connection:
            mail = _sent_mail(_found(repository.by_id(connection, mail_id)))
            again = {"status": "queued", "due_at": at, "attempts": 0, "error": None}
            if not mail.can_be_retried or not repository.change(connection, mail_id, "failed", **again):
                raise Conflict("This mail cannot be sent again. Have a new one made where it came from.")
            self._audit.record(connection, actor, "mail.retried", "mail", mail_id, detail={"kind": mail.kind})

    def retry_waiting(self, actor: User) -> int:
        """Have all mail that waits after a failed try sent now; return how much that is; for administrators."""
        require(actor, "settings.manage")
        self._require_transport()
        with self._db.transaction() as connection:
            count = repository.hurry(connection, clock.now())
            if count:
                self._audit.record(connection, actor, "mail.retried", "mail", "waiting", detail={"count": count})
        return count

    def send_test(self, actor: User) -> str:
        """Write a test mail to the actor and return its id: ``get`` tells how it goes; for administrators.

        Raises:
            MailNotSetUp: mail cannot be sent from here.
            RateLimitedHere: too many were sent.
        """
        require(actor, "settings.manage")
        self._require_transport()
        self._limits.take(f"mail-test/{actor.id}", TESTS_AN_HOUR)
        with self._db.transaction() as connection:
            mail_id = self.put(connection, actor.email, messages.test(clock.now(), actor.name)) or ""
            self._audit.record(connection, actor, "mail.tested", "mail", mail_id)
        return mail_id

    def _way_taken(self, connection: Connection) -> dict[str, Any]:
        if (fixed := self.transport) is not None:
            return {
                "transport": fixed.label,
                "way": fixed.way,
                "setting": fixed.settings[0],
                "sender": self.sender,
            }
        chosen = self._chosen.current(connection)
        if chosen is None:
            return {"transport": None, "way": "", "setting": "", "sender": self.sender}
        kind = kind_named(chosen.key.provider)
        return {
            "transport": kind.label,
            "way": kind.leads_to(chosen.key),
            "setting": "",
            "sender": chosen.sender,
            "key_id": chosen.key.id,
            "key_name": chosen.key.name,
            "problem": chosen.problem,
        }

    def _require_transport(self) -> None:
        if not self.is_set_up:
            raise MailNotSetUp


def _found(row: Any) -> Any:
    # What was written for an unknown address would tell that it is unknown.
    if row is None or row.status == "void":
        raise NotFound(what="mail")
    return row


def _sent_mail(row: Any) -> SentMail:
    age = clock.now() - row.created_at
    return SentMail(
        id=row.id,
        kind=row.kind,
        recipient=row.recipient,
        subject=row.subject,
        state=row.status,
        attempts=row.attempts,
        error=row.error,
        created_at=row.created_at,
        due_at=row.due_at,
        sent_at=row.sent_at,
        can_be_retried=row.status == "failed"
        and row.body_sealed is not None
        and age < WORTH_SENDING.get(row.kind, BODY_KEPT),
    )


def midnight(at: datetime) -> datetime:
    """Return the beginning of a moment's day in UTC."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def sealing_context(mail_id: str) -> dict[str, str]:
    """Return what binds a sealed body to its row."""
    return {"table": "mail_outbox", "row": mail_id, "field": "body"}
