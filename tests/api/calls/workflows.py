"""Workflows and their versions."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members, own
from tests.support.stage import DEPARTMENT, Stage


def workflow(stage: Stage) -> Sent:
    return Sent({"workflow_id": stage.workflow()})


def version(stage: Stage) -> Sent:
    return Sent({"workflow_id": stage.published(), "number": "1"})


CALLS = {
    "create_workflow": Call(
        for_members(201, stranger=201), lambda stage: Sent(body={"name": "W", "department": DEPARTMENT})
    ),
    "list_workflows": Call(everybody(200)),
    "check_graph": Call(everybody(200), lambda stage: Sent(body={"graph": stage.drawing()})),
    "get_workflow": Call(own(200), workflow),
    "change_workflow": Call(for_members(200), lambda stage: Sent(workflow(stage).path, {"name": "Other"})),
    "delete_workflow": Call(own(204), workflow),
    "save_draft": Call(for_members(200), lambda stage: Sent(workflow(stage).path, {"graph": stage.drawing()})),
    "list_problems": Call(own(200), workflow),
    "duplicate_workflow": Call(for_members(201), lambda stage: Sent(workflow(stage).path, {})),
    "archive_workflow": Call(for_members(200), workflow),
    "unarchive_workflow": Call(for_members(200), workflow),
    "publish_workflow": Call(for_members(201), lambda stage: Sent(workflow(stage).path, {"note": "First"})),
    "roll_back_workflow": Call(
        for_members(201), lambda stage: Sent({"workflow_id": stage.published()}, {"version": 1})
    ),
    "list_versions": Call(own(200), version),
    "get_difference": Call(own(200), version),
    "execute_workflow": Call(for_members(202), lambda stage: Sent(version(stage).path, {"inputs": {"text": "x"}})),
    "estimate_workflow": Call(own(200), lambda stage: Sent(version(stage).path, {})),
    "get_version": Call(own(200), version),
}
