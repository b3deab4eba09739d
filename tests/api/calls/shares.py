"""Sharing of agents, workflows and keys."""

from __future__ import annotations

from core.sharing.models import EVERYONE
from tests.api.calls.call import Call, Sent, own
from tests.support.stage import Stage

WITH_ALL = {"kind": "everyone", "level": "view"}


def agent(stage: Stage) -> dict[str, str]:
    return {"agent_id": stage.agent().id}


def key(stage: Stage) -> dict[str, str]:
    return {"key_id": stage.key().id}


def workflow(stage: Stage) -> dict[str, str]:
    return {"workflow_id": stage.workflow()}


def shared_workflow(stage: Stage) -> dict[str, str]:
    workflow_id = stage.workflow()
    stage.core.sharing.grant(stage.owner, "workflow", workflow_id, EVERYONE, "view")
    return {"workflow_id": workflow_id}


def shared_key(stage: Stage) -> str:
    key = stage.key()
    stage.core.sharing.grant(stage.owner, "key", key.id, EVERYONE, "view")
    return key.id


# What is shared with everybody is known to strangers, and still not theirs.
END = (403, 204, 204, 204, 204)
EVERYBODY = {"kind": "everyone"}

CALLS = {
    "list_agent_shares": Call(own(200), lambda stage: Sent(agent(stage))),
    "share_agent": Call(own(200), lambda stage: Sent(agent(stage), WITH_ALL)),
    "unshare_agent": Call(END, lambda stage: Sent({"agent_id": stage.shared().id}, query=EVERYBODY)),
    "list_workflow_shares": Call(own(200), lambda stage: Sent(workflow(stage))),
    "share_workflow": Call(own(200), lambda stage: Sent(workflow(stage), WITH_ALL)),
    "unshare_workflow": Call(END, lambda stage: Sent(shared_workflow(stage), query=EVERYBODY)),
    "list_key_shares": Call(own(200), lambda stage: Sent(key(stage))),
    "share_key": Call(own(200), lambda stage: Sent(key(stage), WITH_ALL)),
    "unshare_key": Call(END, lambda stage: Sent({"key_id": shared_key(stage)}, query=EVERYBODY)),
}
