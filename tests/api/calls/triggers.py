"""Triggers, and the addresses that they take messages at."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members, own
from tests.support.stage import Stage


def trigger(stage: Stage) -> Sent:
    return Sent({"trigger_id": stage.trigger()})


CALLS = {
    "create_trigger": Call(
        for_members(201), lambda stage: Sent(body={"workflow_id": stage.published(), "name": "T"})
    ),
    "list_triggers": Call(everybody(200)),
    "get_trigger": Call(own(200), trigger),
    "change_trigger": Call(for_members(200), lambda stage: Sent(trigger(stage).path, {"name": "Other"})),
    "delete_trigger": Call(own(204), trigger),
    "rotate_trigger_secret": Call(for_members(200), trigger),
    "pause_trigger": Call(own(200), trigger),
    "resume_trigger": Call(for_members(200), trigger),
    "list_trigger_firings": Call(own(200), trigger),
    "call_hook": Call(everybody(401), lambda stage: Sent(trigger(stage).path, {"text": "x"})),
}
