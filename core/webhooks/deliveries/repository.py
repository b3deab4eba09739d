"""The SQL of deliveries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, text, update

from core.db import Connection
from core.db.tables import users, webhook_deliveries, webhooks
from core.webhooks.models import Delivery, DeliveryState, Due
from core.webhooks.repository import PERSON, person

# Any number, the same in every process: "webhook" on a telephone's keys.
ADVISORY_LOCK = 9324665

_w = webhooks.c
_d = webhook_deliveries.c
_WAITING: tuple[DeliveryState, ...] = ("queued", "sending")


def insert_deliveries(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add deliveries that wait."""
    connection.execute(insert(webhook_deliveries), [{"status": "queued", "attempts": 0, **row} for row in rows])


def deliveries(
    connection: Connection, webhook_id: str, states: Collection[DeliveryState], before: str | None, limit: int
) -> list[Delivery]:
    """Return deliveries of a webhook, newest first, from the one after ``before`` on. Ids grow with time."""
    query = select(webhook_deliveries).where(_d.webhook_id == webhook_id)
    if states:
        query = query.where(_d.status.in_(states))
    if before is not None:
        query = query.where(_d.id < before)
    return [_delivery(row) for row in connection.execute(query.order_by(_d.id.desc()).limit(limit))]


def delivery(connection: Connection, webhook_id: str, delivery_id: str) -> Delivery | None:
    """Return one delivery of a webhook."""
    row = connection.execute(
        select(webhook_deliveries).where(_d.id == delivery_id, _d.webhook_id == webhook_id)
    ).first()
    return _delivery(row) if row else None


def queue_again(connection: Connection, at: datetime, *which: Any) -> int:
    """Let deliveries be tried anew, at once; return how many. Those under way are left alone."""
    again = {"status": "queued", "due_at": at, "attempts": 0, "ended_at": None}
    return connection.execute(
        update(webhook_deliveries).where(_d.status != "sending", *which).values(**again)
    ).rowcount


def queue_one_again(connection: Connection, delivery_id: str, at: datetime) -> bool:
    """Let one delivery be tried anew; False when it is under way."""
    return queue_again(connection, at, _d.id == delivery_id) == 1


def queue_failed_again(connection: Connection, webhook_id: str, since: datetime, at: datetime) -> int:
    """Let what has failed since a moment be tried anew; return how many deliveries those are."""
    return queue_again(connection, at, _d.webhook_id == webhook_id, _d.status == "failed", _d.created_at >= since)


def newest(connection: Connection, webhook_ids: Collection[str]) -> dict[str, Delivery]:
    """Return the newest delivery of each webhook that has one."""
    last = select(func.max(_d.id)).where(_d.webhook_id.in_(webhook_ids)).group_by(_d.webhook_id)
    rows = connection.execute(select(webhook_deliveries).where(_d.id.in_(last)))
    return {row.webhook_id: _delivery(row) for row in rows}


def give_up_waiting(connection: Connection, webhook_id: str, at: datetime) -> None:
    """Give up what waits for a webhook that was turned off."""
    connection.execute(
        update(webhook_deliveries)
        .where(_d.webhook_id == webhook_id, _d.status == "queued")
        .values(status="failed", ended_at=at, error_code="webhook_off")
    )


def first_due_at(connection: Connection, lost_after: Any) -> datetime | None:
    """Return when the next delivery is due, or when a claim counts as lost."""
    queued = connection.execute(select(func.min(_d.due_at)).where(_d.status == "queued")).scalar_one()
    claimed = connection.execute(select(func.min(_d.claimed_at)).where(_d.status == "sending")).scalar_one()
    moments = [moment for moment in (queued, claimed and claimed + lost_after) if moment is not None]
    return min(moments, default=None)


def lock(connection: Connection) -> None:
    """Let no other worker claim until this transaction ends; on SQLite the write lock does it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def take_back_lost(connection: Connection, claimed_before: datetime, at: datetime) -> None:
    """Let deliveries be tried again whose worker fell silent: receivers know them by their id."""
    connection.execute(
        update(webhook_deliveries)
        .where(_d.status == "sending", _d.claimed_at < claimed_before)
        .values(status="queued", due_at=at)
    )


def next_due(connection: Connection, at: datetime) -> Due | None:
    """Return the delivery that has waited longest, of a webhook to which nothing is under way."""
    under_way = webhook_deliveries.alias()
    is_busy = exists().where(under_way.c.webhook_id == _d.webhook_id, under_way.c.status == "sending")
    row = connection.execute(
        select(
            *(_d.id.label("delivery_id"), _d.event, _d.body, _d.attempts),
            *(_w.id.label("webhook_id"), _w.url, _w.disabled_at, _w.is_organisation),
            *(_w.secret_sealed, _w.previous_sealed, _w.previous_until),
            *(*PERSON, users.c.is_active),
        )
        .join(webhooks, _w.id == _d.webhook_id)
        .join(users, users.c.id == _w.owner_id)
        .where(_d.status == "queued", _d.due_at <= at, ~is_busy)
        .order_by(_d.due_at, _d.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    return Due(
        id=row.delivery_id,
        webhook_id=row.webhook_id,
        event=row.event,
        body=row.body,
        attempts=row.attempts,
        url=row.url,
        is_active=row.disabled_at is None,
        is_organisation=row.is_organisation,
        owner=person(row) if row.is_active else None,
        secret_sealed=row.secret_sealed,
        previous_sealed=row.previous_sealed,
        previous_until=row.previous_until,
    )


def claim(connection: Connection, delivery_id: str, at: datetime) -> bool:
    """Take a delivery over; True for exactly one worker."""
    done = connection.execute(
        update(webhook_deliveries)
        .where(_d.id == delivery_id, _d.status == "queued")
        .values(status="sending", claimed_at=at, attempts=_d.attempts + 1)
    )
    return done.rowcount == 1


def drop(connection: Connection, delivery_id: str, at: datetime, error_code: str) -> None:
    """Give a delivery up that waits, without trying it."""
    connection.execute(
        update(webhook_deliveries)
        .where(_d.id == delivery_id, _d.status == "queued")
        .values(status="failed", ended_at=at, error_code=error_code)
    )


def settle(connection: Connection, delivery_id: str, claimed_at: datetime, **values: Any) -> bool:
    """Write how a claimed delivery went; False when the claim was given up for lost in the meantime."""
    done = connection.execute(
        update(webhook_deliveries)
        .where(_d.id == delivery_id, _d.status == "sending", _d.claimed_at == claimed_at)
        .values(**values)
    )
    return done.rowcount == 1


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Drop deliveries that were made before a moment and are over; return how many, ``limit`` at most."""
    old = select(_d.id).where(_d.status.not_in(_WAITING), _d.created_at < before).limit(limit)
    return connection.execute(delete(webhook_deliveries).where(_d.id.in_(old))).rowcount


def _delivery(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        webhook_id=row.webhook_id,
        event=row.event,
        status=row.status,
        attempts=row.attempts,
        created_at=row.created_at,
        due_at=row.due_at if row.status == "queued" else None,
        ended_at=row.ended_at,
        response_status=row.response_status,
        response_beginning=row.response_beginning or "",
        duration_ms=row.duration_ms,
        error_code=row.error_code,
        body=row.body,
    )
