"""Puts runs and approvals straight into place, for tests that are about deciding and not about the engine."""

from __future__ import annotations

from typing import Any

from core import clock
from core.accounts.models import User
from core.approvals.models import Approval, Approver, Request
from core.bootstrap import Core
from core.runs import repository
from core.runs.models import Run

NODE = "approval"
GRAPH: dict[str, Any] = {"nodes": [{"id": NODE, "kind": "approval"}], "edges": []}


def a_waiting_run(core: Core, owner: User, graph: dict[str, Any] = GRAPH, title: str = "Invoices") -> Run:
    """Return a run of a workflow that waits, as the engine leaves it."""
    run = Run(
        id=clock.new_id("run"),
        owner_id=owner.id,
        agent_id=None,
        department=owner.department,
        title=title,
        status="queued",
        inputs={},
        output=None,
        error=None,
        created_at=clock.now(),
        started_at=None,
        cancel_requested_at=None,
        ended_at=None,
    )
    with core.db.transaction() as connection:
        repository.insert_run(connection, run, graph)
        repository.change_status(connection, run.id, ("queued",), status="waiting")
    return run


def ask(core: Core, owner: User, approver: Approver, **fields: Any) -> Approval:
    """Return an approval that a new run of ``owner`` asks of ``approver``."""
    request = Request(**{"title": "Pay invoice 7?", "approver": approver, **fields})
    return core.approvals.ask(a_waiting_run(core, owner), NODE, request)


def person(user: User) -> Approver:
    """Return somebody as an approver."""
    return Approver("person", user.id)
