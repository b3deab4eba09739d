"""Approvals."""

from __future__ import annotations

from tests.api.calls.call import Call, Sent, everybody, own
from tests.support.stage import Stage


def approval(stage: Stage) -> Sent:
    return Sent({"approval_id": stage.approval()})


def decision(stage: Stage) -> Sent:
    return Sent({"approval_id": stage.approval()}, {"decision": "approve", "comment": "Fine."})


CALLS = {
    "list_approvals": Call(everybody(200)),
    "get_approval": Call(own(200), approval),
    "decide_approval": Call(own(200), decision),
}
