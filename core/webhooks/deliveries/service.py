"""What people do with deliveries: look at them, send a test, and have one sent again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from core import clock
from core.accounts.models import User
from core.audit.service import Audit
from core.db import Connection, Database
from core.db.types import storable_tree
from core.errors import Conflict, NotFound
from core.limits.service import Limits
from core.security.redact import redact_tree
from core.webhooks.deliveries import repository
from core.webhooks.models import KEPT, TEST, Delivery, DeliveryPage, DeliveryState, Webhook
from core.webhooks.service import Webhooks

# Each is a request from here to an address that somebody chose.
BY_HAND_AN_HOUR = 60
LIST_LIMIT = 200


class Deliveries:
    """The log of a person's webhooks."""

    def __init__(self, db: Database, webhooks: Webhooks, limits: Limits, audit: Audit) -> None:
        """Ask ``webhooks`` whose they are, and ``limits`` how often somebody sends by hand; tell ``audit``."""
        self._db = db
        self._webhooks = webhooks
        self._limits = limits
        self._audit = audit

    def list(
        self,
        actor: User,
        webhook_id: str,
        states: Collection[DeliveryState] = (),
        before: str | None = None,
        limit: int = 50,
    ) -> DeliveryPage:
        """Return what was sent to a webhook in the last 30 days, newest first.

        Args:
            actor: who asks.
            webhook_id: which webhook; ``NotFound`` for a stranger's.
            states: which deliveries; none: all.
            before: the id of the last one that was read.
            limit: how many at most.
        """
        webhook = self._webhooks.get(actor, webhook_id)
        limit = min(limit, LIST_LIMIT)
        with self._db.read() as connection:
            found = repository.deliveries(connection, webhook.id, states, before, limit + 1)
        return DeliveryPage(tuple(found[:limit]), has_more=len(found) > limit)

    def get(self, actor: User, webhook_id: str, delivery_id: str) -> Delivery:
        """Return one delivery; ``NotFound`` for a stranger's."""
        webhook = self._webhooks.get(actor, webhook_id)
        with self._db.read() as connection:
            return self._found(connection, webhook, delivery_id)

    def test(self, actor: User, webhook_id: str) -> Delivery:
        """Send a message that says nothing, to see whether it arrives; ``get`` tells how it goes.

        Raises:
            NotFound: the webhook is a stranger's.
            Conflict: it is off.
            RateLimitedHere: too many were sent by hand.
        """
        webhook = self._active(actor, webhook_id)
        with self._db.transaction() as connection:
            (delivery_id,) = put(connection, [webhook.id], TEST, {"webhook_id": webhook.id})
            self._record(connection, actor, "webhook.tested", webhook)
            return self._found(connection, webhook, delivery_id)

    def replay(self, actor: User, webhook_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again now, under the id it has, whether it arrived or not.

        Raises:
            NotFound: there is none, or the webhook is a stranger's.
            Conflict: the webhook is off, or the delivery is being sent right now.
            RateLimitedHere: too many were sent by hand.
        """
        webhook = self._active(actor, webhook_id)
        with self._db.transaction() as connection:
            delivery = self._found(connection, webhook, delivery_id)
            if not repository.queue_one_again(connection, delivery.id, clock.now()):
                raise Conflict("This delivery is being sent right now.")
            self._record(connection, actor, "webhook.replayed", webhook, delivery=delivery.id)
            return self._found(connection, webhook, delivery_id)

    def replay_failed(self, actor: User, webhook_id: str, since: datetime | None = None) -> int:
        """Send everything again that has failed since a moment, or that the log has; return how many those are.

        Raises:
            NotFound: the webhook is a stranger's.
            Conflict: it is off.
            RateLimitedHere: too many were sent by hand.
        """
        webhook, at = self._active(actor, webhook_id), clock.now()
        with self._db.transaction() as connection:
            count = repository.queue_failed_again(connection, webhook.id, since or at - KEPT, at)
            if count:
                self._record(connection, actor, "webhook.replayed", webhook, count=count)
        return count

    # --- inside ----------------------------------------------------------------------------------

    def _active(self, actor: User, webhook_id: str) -> Webhook:
        webhook = self._webhooks.get(actor, webhook_id)
        if not webhook.is_active:
            raise Conflict("This webhook is off. Turn it on first.")
        self._limits.take(f"webhook-by-hand/{actor.id}", BY_HAND_AN_HOUR)
        return webhook

    def _found(self, connection: Connection, webhook: Webhook, delivery_id: str) -> Delivery:
        delivery = repository.delivery(connection, webhook.id, delivery_id)
        if delivery is None:
            raise NotFound(what="delivery")
        return delivery

    def _record(self, connection: Connection, actor: User, action: str, webhook: Webhook, **detail: object) -> None:
        told = {"name": webhook.name, **detail}
        self._audit.record(connection, actor, action, "webhook", webhook.id, detail=told)


def put(connection: Connection, webhook_ids: Collection[str], event: str, data: Mapping[str, Any]) -> list[str]:
    """Write a delivery for each webhook in the transaction of what happened; return their ids."""
    at = clock.now()
    told = {"type": event, "timestamp": moment(at), "data": storable_tree(redact_tree(dict(data)))}
    body = json.dumps(told, separators=(",", ":"))
    ids = [clock.new_id("msg") for _ in webhook_ids]
    rows = [
        {"id": delivery_id, "webhook_id": webhook_id, "event": event, "body": body, "created_at": at, "due_at": at}
        for delivery_id, webhook_id in zip(ids, webhook_ids, strict=True)
    ]
    if rows:
        repository.insert_deliveries(connection, rows)
    return ids


def moment(at: datetime) -> str:
    """Return a moment as the API writes it."""
    return at.isoformat().replace("+00:00", "Z")
