"""Runs."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, for_members, own
from tests.support.stage import Stage


def run(stage: Stage) -> Sent:
    return Sent({"run_id": stage.run().id})


def ended(stage: Stage) -> Sent:
    run = stage.run()
    stage.core.journal.begin(run.id)
    stage.core.journal.succeed(run.id, "Done.")
    return Sent({"run_id": run.id})


def cancelled(stage: Stage) -> Sent:
    return Sent({"run_id": stage.cancelled_run().id})


def execution(stage: Stage) -> Sent:
    return Sent({"agent_id": stage.agent().id}, {"input": "text", "budget_micros": 1})


def doubtful(stage: Stage) -> Sent:
    return Sent({"run_id": stage.doubtful_run().id, "node_id": "agent"}, {"happened": True, "result": "Sent."})


def with_node(sent: Sent) -> Sent:
    return Sent({**sent.path, "node_id": "agent"})


def node_of_a_draft(stage: Stage) -> Sent:
    return Sent({"workflow_id": stage.workflow(), "node_id": "a"}, {"values": {"text": "x"}})


CALLS = {
    "list_nodes": Call(own(200), run),
    "resume_run": Call(for_members(202), cancelled),
    "run_again": Call(for_members(202), lambda stage: with_node(cancelled(stage))),
    "settle_doubt": Call(for_members(200), doubtful),
    "share_run": Call(for_members(200), run),
    "unshare_run": Call(own(204), run),
    "try_node": Call(
        for_members(202),
        lambda stage: Sent({"workflow_id": stage.workflow(), "node_id": "a"}, {"values": {"text": "x"}}),
    ),
    "execute_agent": Call(for_members(202), execution),
    "estimate_agent": Call(own(200), lambda stage: Sent({"agent_id": stage.agent().id}, query={"input": "text"})),
    "list_runs": Call(everybody(200)),
    "get_run": Call(own(200), run),
    "get_result": Call(own(200), ended),
    "list_model_calls": Call(own(200), run),
    "list_run_events": Call(own(200), run),
    "cancel_run": Call(own(200), run),
    "retry_run": Call(for_members(202), cancelled),
}
