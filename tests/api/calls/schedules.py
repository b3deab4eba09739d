"""Schedules."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members, own
from tests.support.stage import Stage


def schedule(stage: Stage) -> Sent:
    return Sent({"schedule_id": stage.schedule()})


def draft(stage: Stage) -> Sent:
    return Sent(body={"workflow_id": stage.published(), "name": "S", "cron": "0 9 * * *"})


CALLS = {
    "create_schedule": Call(for_members(201), draft),
    "list_schedules": Call(everybody(200)),
    "preview_schedule": Call(everybody(200), lambda _: Sent(body={"cron": "0 9 * * 1-5"})),
    "get_schedule": Call(own(200), schedule),
    "change_schedule": Call(for_members(200), lambda stage: Sent(schedule(stage).path, {"name": "Other"})),
    "delete_schedule": Call(own(204), schedule),
    "pause_schedule": Call(own(200), schedule),
    "resume_schedule": Call(for_members(200), schedule),
    "list_schedule_firings": Call(own(200), schedule),
}
