"""Webhooks: making, changing and testing them, and what was delivered to them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Body, Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut, decode, encode
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Moment, Output, Page
from core.webhooks import words
from core.webhooks.models import (
    Delivery,
    DeliveryState,
    Event,
    NewWebhook,
    Reason,
    Webhook,
    WebhookChange,
    WebhookDraft,
)

router = new_router("webhooks")

Reads = Annotated[Principal, caller("webhooks:read")]
Writes = Annotated[Principal, caller("webhooks:write")]

Name = Annotated[str, Field(min_length=1, max_length=80, examples=["Alarm channel"])]
Url = Annotated[str, Field(min_length=1, max_length=1000, examples=["https://example.com/hooks/zoark"])]
Events = Annotated[
    list[Event], Field(min_length=1, max_length=20, examples=[["run.failed", "budget.reached", "key.failing"]])
]
# What waits for its first or a later attempt, or is under way, is all the same to whoever looks from outside.
State = Literal["waiting", "delivered", "failed"]
STATES: dict[State, tuple[DeliveryState, ...]] = {
    "waiting": ("queued", "sending"),
    "delivered": ("delivered",),
    "failed": ("failed",),
}


class WebhookInput(Input):
    """A new webhook; ``organisation`` makes one that hears of everybody's runs, for administrators."""

    name: Name
    url: Url
    events: Events
    organisation: bool = False


class WebhookPatch(Change):
    """What to change of a webhook."""

    name: Name
    url: Url
    events: Events
    active: bool


class Replay(Input):
    """Which failed deliveries to send again: those made since a moment, or all of the last 30 days."""

    since: Annotated[Moment | None, Field(examples=["2026-11-24T00:00:00Z"])] = None


ReplayOrNothing = Annotated[Replay, Body(default_factory=Replay)]


class Replayed(Output):
    """How many deliveries are sent again."""

    count: int


class FailureShown(Output):
    """Why the last attempt failed."""

    code: Annotated[str, Field(examples=["timeout"])]
    message: str


class DeliveryShown(Output):
    """A message to a webhook. Its ``id`` is the header webhook-id of every attempt; answers are cut off."""

    id: Id
    event: Annotated[str, Field(examples=["run.succeeded"])]
    status: State
    attempts: int
    payload: dict[str, Any]
    response_status: int | None
    response_beginning: str
    duration_ms: int | None
    error: FailureShown | None
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None


class WebhookShown(Output):
    """A webhook without its secret. Until ``previous_secret_until`` the secret before signs, too."""

    id: Id
    owner_id: Id
    name: str
    url: str
    events: list[Event]
    organisation: bool
    active: bool
    disabled_reason: Reason | None
    secret_changed_at: datetime
    previous_secret_until: datetime | None
    created_at: datetime
    last_delivery: DeliveryShown | None


class WebhookMade(WebhookShown):
    """A webhook with its secret, which is shown this once."""

    secret: Annotated[str, Field(examples=["whsec_…"])]


class LogQuery(PageQuery):
    """Which deliveries."""

    status: State | None = None


@router.post("/webhooks", status_code=201)
def create_webhook(caller: Writes, body: WebhookInput, response: Response) -> WebhookMade:
    """Make a webhook. It asks for a login of the last ten minutes, so a personal token cannot do it."""
    draft = WebhookDraft(body.name, body.url, tuple(body.events), body.organisation)
    made = runtime.get_core().webhooks.add(caller.user, draft)
    response.headers["Location"] = f"/api/v1/webhooks/{made.webhook.id}"
    return _made(made)


@router.get("/webhooks")
def list_webhooks(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[WebhookShown]:
    """Return the caller's webhooks and, for administrators, the organisation's, newest first."""
    found, after = cut(runtime.get_core().webhooks.list(caller.user), query, lambda webhook: webhook.id)
    return Page(items=[WebhookShown(**_shown(webhook)) for webhook in found], next=after)


@router.get("/webhooks/{webhook_id}", responses=problems(404))
def get_webhook(caller: Reads, webhook_id: Id) -> WebhookShown:
    """Return one webhook."""
    return WebhookShown(**_shown(runtime.get_core().webhooks.get(caller.user, webhook_id)))


@router.patch("/webhooks/{webhook_id}", responses=problems(404, 409))
def change_webhook(caller: Writes, webhook_id: Id, body: WebhookPatch) -> WebhookShown:
    """Change a webhook, or turn it off and on. Another address asks for a login of the last ten minutes."""
    given = body.model_dump(exclude_unset=True)
    events = tuple(given["events"]) if "events" in given else None
    change = WebhookChange(given.get("name"), given.get("url"), events, given.get("active"))
    return WebhookShown(**_shown(runtime.get_core().webhooks.change(caller.user, webhook_id, change)))


@router.delete("/webhooks/{webhook_id}", status_code=204, responses=problems(404))
def delete_webhook(caller: Writes, webhook_id: Id) -> None:
    """Delete a webhook with its log."""
    runtime.get_core().webhooks.delete(caller.user, webhook_id)


@router.post("/webhooks/{webhook_id}/rotate-secret", responses=problems(404))
def rotate_webhook_secret(caller: Writes, webhook_id: Id) -> WebhookMade:
    """Make a new secret. For 24 hours messages carry a signature of the old one, too. Asks for a recent login."""
    return _made(runtime.get_core().webhooks.rotate_secret(caller.user, webhook_id))


@router.post("/webhooks/{webhook_id}/test", status_code=202, responses=problems(404))
def test_webhook(caller: Writes, webhook_id: Id, response: Response) -> DeliveryShown:
    """Send the event `webhook.test`; the address in Location tells how it goes."""
    delivery = runtime.get_core().webhook_deliveries.test(caller.user, webhook_id)
    return _sent(delivery, response)


@router.post("/webhooks/{webhook_id}/replay-failed", status_code=202, responses=problems(404))
def replay_failed_deliveries(caller: Writes, webhook_id: Id, body: ReplayOrNothing) -> Replayed:
    """Send everything again that has failed, under the same ids."""
    count = runtime.get_core().webhook_deliveries.replay_failed(caller.user, webhook_id, body.since)
    runtime.wake_worker()
    return Replayed(count=count)


@router.get("/webhooks/{webhook_id}/deliveries", responses=problems(404))
def list_webhook_deliveries(
    caller: Reads, webhook_id: Id, query: Annotated[LogQuery, Query()]
) -> Page[DeliveryShown]:
    """Return the deliveries of the last 30 days, newest first."""
    before = decode(query.cursor, str)[0] if query.cursor is not None else None
    states = STATES[query.status] if query.status else ()
    found = runtime.get_core().webhook_deliveries.list(caller.user, webhook_id, states, before, query.limit)
    after = encode(found.items[-1].id) if found.has_more else None
    return Page(items=[_delivery(delivery) for delivery in found.items], next=after)


@router.get("/webhooks/{webhook_id}/deliveries/{delivery_id}", responses=problems(404))
def get_webhook_delivery(caller: Reads, webhook_id: Id, delivery_id: Id) -> DeliveryShown:
    """Return one delivery."""
    return _delivery(runtime.get_core().webhook_deliveries.get(caller.user, webhook_id, delivery_id))


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202, responses=problems(404))
def replay_webhook_delivery(caller: Writes, webhook_id: Id, delivery_id: Id, response: Response) -> DeliveryShown:
    """Send a delivery again now, under the same id, whether it arrived or not."""
    delivery = runtime.get_core().webhook_deliveries.replay(caller.user, webhook_id, delivery_id)
    return _sent(delivery, response)


def _sent(delivery: Delivery, response: Response) -> DeliveryShown:
    runtime.wake_worker()
    response.headers["Location"] = f"/api/v1/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}"
    return _delivery(delivery)


def _made(made: NewWebhook) -> WebhookMade:
    return WebhookMade(**_shown(made.webhook), secret=made.secret.get_secret_value())


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "owner_id": webhook.owner_id,
        "name": webhook.name,
        "url": webhook.url,
        "events": list(webhook.events),
        "organisation": webhook.is_organisation,
        "active": webhook.is_active,
        "disabled_reason": webhook.disabled_reason,
        "secret_changed_at": webhook.secret_changed_at,
        "previous_secret_until": webhook.previous_until,
        "created_at": webhook.created_at,
        "last_delivery": _delivery(webhook.last) if webhook.last else None,
    }


def _delivery(delivery: Delivery) -> DeliveryShown:
    code = delivery.error_code
    return DeliveryShown(
        id=delivery.id,
        event=delivery.event,
        status=next(state for state, states in STATES.items() if delivery.status in states),
        attempts=delivery.attempts,
        payload=json.loads(delivery.body),
        response_status=delivery.response_status,
        response_beginning=delivery.response_beginning,
        duration_ms=delivery.duration_ms,
        error=FailureShown(code=code, message=words.sentence_of(code)) if code else None,
        created_at=delivery.created_at,
        next_attempt_at=delivery.due_at,
        ended_at=delivery.ended_at,
    )
