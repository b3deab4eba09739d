"""Agents."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members, own
from tests.support.stage import Stage


def draft(stage: Stage) -> Sent:
    fields = stage.fields()
    schema = {"type": "object", "properties": {"team": {"type": "string"}}}
    return Sent(body={"api_key_id": fields.pop("key_id"), **fields, "output_schema": schema})


def agent(stage: Stage) -> Sent:
    return Sent({"agent_id": stage.agent().id})


CALLS = {
    "create_agent": Call(for_members(201), draft),
    "list_agents": Call(everybody(200)),
    "get_agent": Call(own(200), agent),
    "change_agent": Call(for_members(200), lambda stage: Sent(agent(stage).path, {"goal": "Help."})),
    "delete_agent": Call(own(204), agent),
}
