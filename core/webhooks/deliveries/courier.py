"""The worker's side of webhooks: claim a delivery, send it, write how it went. Each is sent at least once.

A delivery is claimed by a guarded update before it is sent. A claim whose worker died is sent again under the same
id, by which receivers know repeats.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from core import clock
from core.accounts.capabilities import can
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import CoreError, SecretUnreadable
from core.notify import messages
from core.notify.service import Mail
from core.security.egress import EgressPolicy, guarded_client
from core.security.redact import redact_cut
from core.security.sealing import Vault
from core.webhooks import repository as webhooks
from core.webhooks import signing, words
from core.webhooks.deliveries import repository
from core.webhooks.models import KEPT, Attempt, Due, Parcel, Reason
from core.webhooks.service import Webhooks, previous_context, secret_context

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
# The beginning of an answer is read as far as this; receivers may say more, and nobody reads it.
ANSWER_BYTES = 2000
ANSWER_KEPT = 500
# After the first, second … attempt; after the last one the delivery has failed.
RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)
# A webhook is turned off when a delivery has failed for good and nothing has arrived for so long.
PATIENCE = timedelta(days=3)
# Longer than any attempt takes: after this a claim belongs to a worker that died.
LOST_AFTER = timedelta(minutes=1)
GONE = 410


class Courier:
    """What a worker does with deliveries."""

    def __init__(
        self, db: Database, vault: Vault, policy: EgressPolicy, of: Webhooks, mail: Mail, audit: Audit
    ) -> None:
        """Open secrets with ``vault``, call what ``policy`` allows, turn webhooks off by ``of``; tell owners."""
        self._db = db
        self._vault = vault
        self._policy = policy
        self._webhooks = of
        self._mail = mail
        self._audit = audit

    def next_due_at(self) -> datetime | None:
        """Return when the worker has something to send; None when nothing waits."""
        with self._db.read() as connection:
            return repository.first_due_at(connection, LOST_AFTER)

    def deliver_next(self) -> bool:
        """Send the delivery that has waited longest; False when none is due. Any number of threads may call it."""
        due_at = self.next_due_at()
        if due_at is None or due_at > clock.now():
            return False
        parcel = self.claim()
        if parcel is None:
            return False
        self._settle(parcel, self._send(parcel))
        return True

    def claim(self) -> Parcel | None:
        """Take over the delivery that has waited longest; to one webhook nothing is sent twice at once."""
        with self._db.transaction() as connection:
            repository.lock(connection)
            at = clock.now()  # the lock may have been waited for, and the claim counts from now
            repository.take_back_lost(connection, at - LOST_AFTER, at)
            while due := repository.next_due(connection, at):
                if parcel := self._take(connection, due, at):
                    return parcel
        return None

    def forget_old(self, limit: int) -> int:
        """Drop deliveries of 30 days ago, and secrets that sign no more; return how many rows, at most 2 limits."""
        at = clock.now()
        with self._db.transaction() as connection:
            forgotten = webhooks.forget_previous(connection, at, limit)
            return forgotten + repository.forget(connection, at - KEPT, limit)

    # --- inside ----------------------------------------------------------------------------------

    def _take(self, connection: Connection, due: Due, at: datetime) -> Parcel | None:
        refusal = _why_not(due)
        try:
            secrets = [self._vault.unseal(due.secret_sealed or b"", **secret_context(due.webhook_id))]
        except SecretUnreadable:
            refusal = refusal or "secret_lost"
        if refusal:
            repository.drop(connection, due.id, at, refusal)
            return None
        if due.previous_sealed and due.previous_until and at < due.previous_until:
            try:
                secrets.append(self._vault.unseal(due.previous_sealed, **previous_context(due.webhook_id)))
            except SecretUnreadable:
                secrets = secrets[:1]
        if not repository.claim(connection, due.id, at):
            return None
        return Parcel(due.id, due.webhook_id, due.url, due.body.encode(), tuple(secrets), due.attempts + 1, at)

    def _send(self, parcel: Parcel) -> Attempt:
        headers = {
            "content-type": "application/json",
            "user-agent": "Zoark-Webhooks",
            **signing.headers(parcel.id, int(clock.now().timestamp()), parcel.body, parcel.secrets),
        }
        began = clock.monotonic_seconds()
        status, beginning, error_code = None, "", None
        try:
            with (
                guarded_client(
                    self._policy,
                    total_seconds=TOTAL_SECONDS,
                    connect_seconds=CONNECT_SECONDS,
                    read_seconds=TOTAL_SECONDS,
                    max_bytes=ANSWER_BYTES * 50,
                ) as client,
                client.stream("POST", parcel.url, content=parcel.body, headers=headers) as response,
            ):
                status = response.status_code
                beginning = _beginning(response)
        except CoreError as error:
            error_code = error.code
        except httpx.HTTPError:
            error_code = "bad_response"
        duration_ms = int((clock.monotonic_seconds() - began) * 1000)
        return Attempt(status, beginning, duration_ms, _error_of(status) if status is not None else error_code)

    def _settle(self, parcel: Parcel, attempt: Attempt) -> None:
        at = clock.now()
        if attempt.error_code is None:
            values: dict[str, Any] = {"status": "delivered", "ended_at": at}
        elif attempt.status == GONE or parcel.attempts > len(RETRY_AFTER):
            values = {"status": "failed", "ended_at": at}
        else:
            values = {"status": "queued", "due_at": at + RETRY_AFTER[parcel.attempts - 1]}
        with self._db.transaction() as connection:
            if not repository.settle(connection, parcel.id, parcel.claimed_at, **values, **attempt.stored()):
                return
            if attempt.error_code is None:
                webhooks.note_success(connection, parcel.webhook_id)
                return
            since = webhooks.note_failure(connection, parcel.webhook_id, at)
            if attempt.status == GONE:
                self._turn_off(connection, parcel.webhook_id, "gone")
            elif values["status"] == "failed" and since is not None and at - since >= PATIENCE:
                self._turn_off(connection, parcel.webhook_id, "failing")

    def _turn_off(self, connection: Connection, webhook_id: str, reason: Reason) -> None:
        """Turn a webhook off for good and tell its owner why; where it is the organisation's, administrators."""
        webhook = webhooks.webhook(connection, webhook_id)
        if webhook is None or not self._webhooks.turn_off(connection, webhook_id, reason):
            return
        told = {"name": webhook.name, "reason": reason}
        self._audit.record(connection, None, "webhook.turned_off", "webhook", webhook_id, detail=told)
        message = messages.webhook_off(
            webhook.name, words.why_off(reason), self._mail.page("webhook", id=webhook_id)
        )
        for recipient in webhooks.recipients(connection, webhook_id):
            self._mail.put(connection, recipient, message)


def _why_not(due: Due) -> str | None:
    """Return why a delivery is not sent although it waits: rights end at once."""
    if not due.is_active:
        return "webhook_off"
    if due.owner is None or (due.is_organisation and not can(due.owner, "webhooks.manage")):
        return "owner_inactive"
    return None


def _error_of(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if status == GONE:
        return "gone"
    return "redirect" if 300 <= status < 400 else "refused"


def _beginning(response: httpx.Response) -> str:
    """Return how an answer begins; one that is cut off or too long has been answered all the same."""
    found = b""
    try:
        for piece in response.iter_raw():
            found += piece
            if len(found) >= ANSWER_BYTES:
                break
    except CoreError:
        pass
    return redact_cut(found[:ANSWER_BYTES].decode("utf-8", "replace"))[:ANSWER_KEPT]
