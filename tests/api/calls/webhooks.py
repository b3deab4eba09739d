"""Webhooks."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, own
from tests.support.stage import Stage

DRAFT = {"name": "Alarms", "url": "https://example.com/hook", "events": ["run.failed"]}


def webhook(stage: Stage) -> Sent:
    return Sent({"webhook_id": stage.webhook()})


def change(stage: Stage) -> Sent:
    return Sent(webhook(stage).path, {"active": False})


def failed(stage: Stage) -> Sent:
    return Sent(webhook(stage).path, {})


def delivery(stage: Stage) -> Sent:
    webhook_id, delivery_id = stage.sent()
    return Sent({"webhook_id": webhook_id, "delivery_id": delivery_id})


CALLS = {
    "create_webhook": Call(everybody(201), lambda _: Sent(body=DRAFT)),
    "list_webhooks": Call(everybody(200)),
    "get_webhook": Call(own(200), webhook),
    "change_webhook": Call(own(200), change),
    "delete_webhook": Call(own(204), webhook),
    "rotate_webhook_secret": Call(own(200), webhook),
    "test_webhook": Call(own(202), webhook),
    "replay_failed_deliveries": Call(own(202), failed),
    "list_webhook_deliveries": Call(own(200), webhook),
    "get_webhook_delivery": Call(own(200), delivery),
    "replay_webhook_delivery": Call(own(202), delivery),
}
