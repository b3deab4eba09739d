"""The worker's side of the outbox: claim a mail, send it, write how it went. Nothing is sent twice.

A mail is claimed by a guarded update before it is handed over. A claim whose worker died is marked ``unknown``:
it may have been sent.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from core import clock
from core.db import Connection, Database
from core.errors import CoreError, SecretUnreadable
from core.notify import messages, repository
from core.notify.base import Outgoing
from core.notify.failures import MailDelayed, MailRefused, MailSetUpWrong, MailUnsure
from core.notify.models import BODY_KEPT, BULK, NOTICES, Letter, Waiting
from core.notify.service import LOST_AFTER, Mail, midnight, sealing_context
from core.security.sealing import Vault

# After the first, second … attempt; after the last one the mail has failed.
RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
# Nobody but an operator can help, and that may take days: all mail waits, and one try asks whether it works again.
SET_UP_RETRY = timedelta(minutes=15)
SET_UP_PATIENCE = timedelta(days=7)
# Above this share of the daily cap notices wait, so that people still get the links they asked for.
NOTICE_SHARE = 0.8
KEPT = timedelta(days=30)
BATCH = 500
UNREADABLE = "The master key of this message was lost. Have a new one made where it came from."
LOST = "The worker ended while it handed this message over; it may have been sent."


class Outbox:
    """What a worker does with the mails."""

    def __init__(self, db: Database, vault: Vault, mail: Mail) -> None:
        """Send the way that ``mail`` says."""
        self._db = db
        self._vault = vault
        self._mail = mail

    def deliver_next(self) -> bool:
        """Send the mail that has waited longest; False when none is due."""
        way = self._mail.way()
        letter = self.claim() if way else None
        if way is None or letter is None:
            return False
        sender, opened = way
        mail = Outgoing(letter.id, sender, letter.recipient, letter.subject, letter.body)
        try:
            opened().send(mail)
        except MailDelayed as error:
            self._try_later(letter, error)
        except MailSetUpWrong as error:
            self._wait_for_set_up(letter, error)
        except MailRefused as error:
            self._settle(letter, "failed", error.sentence)
        except MailUnsure as error:
            self._settle(letter, "unknown", error.sentence)
        except Exception as error:
            # A transport that broke in the middle: nobody can say whether the mail left.
            self._settle(letter, "unknown", type(error).__name__)
            raise
        else:
            self._settle(letter, "sent", None)
        return True

    def claim(self) -> Letter | None:
        """Take over the mail that has waited longest, within the daily cap."""
        at = clock.now()
        with self._db.transaction() as connection:
            repository.lock(connection)
            repository.give_up_lost(connection, at - LOST_AFTER, LOST)
            gone = repository.handed_over(connection, midnight(at))
            cap = self._mail.cap(connection)
            while waiting := repository.next_due(connection, at):
                is_scarce = cap is not None and gone >= cap * NOTICE_SHARE
                if is_scarce and waiting.kind in NOTICES:
                    self._hold(connection, waiting)
                elif is_scarce and waiting.kind in BULK:
                    repository.change(connection, waiting.id, "queued", due_at=midnight(at) + timedelta(days=1))
                elif cap is not None and gone >= cap:
                    repository.postpone(connection, at, midnight(at) + timedelta(days=1))
                elif letter := self._take(connection, waiting):
                    return letter
        return None

    def forget_old(self) -> int:
        """Drop mails that were finished 30 days ago, and what failed ones of a week ago said: so many at most.

        Returns:
            How many rows were touched; 0 when nothing is left to do.
        """
        at = clock.now()
        with self._db.transaction() as connection:
            emptied = repository.empty_failed(connection, at - BODY_KEPT, BATCH)
            return emptied + repository.forget(connection, at - KEPT, BATCH)

    def fail_unreadable(self, connection: Connection, master_keys: Collection[int]) -> dict[str, int]:
        """Mark the mails as failed that were sealed with lost master keys."""
        return {"e-mails failed": repository.fail_sealed_with(connection, master_keys, UNREADABLE)}

    def _hold(self, connection: Connection, notice: Waiting) -> None:
        """Keep a notice for tomorrow's digest, of which each person gets one."""
        at = clock.now()
        repository.change(connection, notice.id, "queued", status="held", body_sealed=None)
        if not repository.has_queued(connection, notice.recipient, "digest"):
            repository.insert_mail(
                connection,
                id=clock.new_id("mail"),
                kind="digest",
                recipient=notice.recipient,
                subject=messages.digest(()).subject,
                status="queued",
                created_at=at,
                due_at=midnight(at) + timedelta(days=1),
            )

    def _take(self, connection: Connection, waiting: Waiting) -> Letter | None:
        at = clock.now()
        sealed = waiting.body_sealed
        if sealed is None and waiting.kind == "digest":
            sealed = self._write_digest(connection, waiting)
        try:
            body = self._vault.unseal(sealed or b"", **sealing_context(waiting.id))
        except SecretUnreadable as error:
            repository.change(
                connection, waiting.id, "queued", status="failed", body_sealed=None, error=error.sentence
            )
            return None
        if not repository.claim(connection, waiting.id, at):
            return None
        created_at, attempts = waiting.created_at, waiting.attempts + 1
        return Letter(waiting.id, waiting.recipient, waiting.subject, body, attempts, created_at, at)

    def _write_digest(self, connection: Connection, waiting: Waiting) -> bytes:
        held = repository.held_for(connection, waiting.recipient)
        sealed = self._vault.seal(messages.digest(held).body.get_secret_value(), **sealing_context(waiting.id))
        repository.change(connection, waiting.id, "queued", body_sealed=sealed)
        for notice in held:
            repository.change(connection, notice.id, "held", status="digested")
        return sealed

    def _try_later(self, letter: Letter, error: CoreError) -> None:
        if letter.attempts > len(RETRY_AFTER):
            self._settle(letter, "failed", error.sentence)
            return
        due_at = clock.now() + RETRY_AFTER[letter.attempts - 1]
        with self._db.transaction() as connection:
            repository.requeue(connection, letter.id, letter.claimed_at, due_at, error.sentence)

    def _wait_for_set_up(self, letter: Letter, error: CoreError) -> None:
        at = clock.now()
        if at - letter.created_at > SET_UP_PATIENCE:
            self._settle(letter, "failed", error.sentence)
            return
        with self._db.transaction() as connection:
            # The try says nothing about this mail, so it does not count.
            repository.requeue(
                connection,
                letter.id,
                letter.claimed_at,
                at + SET_UP_RETRY,
                error.sentence,
                attempts=letter.attempts - 1,
            )
            repository.postpone(connection, at, at + SET_UP_RETRY, error=error.sentence)

    def _settle(self, letter: Letter, status: str, error: str | None) -> None:
        sent_at = clock.now() if status == "sent" else None
        # What failed for certain may be tried again by hand; what may have been sent, never.
        wiped = {} if status == "failed" else {"body_sealed": None}
        with self._db.transaction() as connection:
            repository.settle(
                connection,
                letter.id,
                letter.claimed_at,
                status=status,
                sent_at=sent_at,
                error=error,
                **wiped,
            )
