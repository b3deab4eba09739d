"""Runs one node of one run to its outcome. Knows nothing of the queue that makes it durable."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TypedDict

from core.accounts.service import Accounts
from core.audit.origin import set_doer
from core.engine.control import Controls, RunControl, Stopped
from core.engine.graph import Graph, Node
from core.engine.nodes.base import Done, NodeContext, Scope, Services
from core.engine.nodes.registry import kind_of
from core.engine.values import as_text
from core.errors import CoreError, Internal, OwnerInactive
from core.logs import get_logger
from core.runs.models import RunTask
from core.security.redact import redact

MAX_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 2.0
POLL_SECONDS = 0.2

log = get_logger(__name__)


class Outcome(TypedDict):
    """What became of a node: its output, or an error's code and sentence. Plain data, it is stored."""

    output: str | None
    code: str | None
    message: str | None


class NodeRunner:
    """Runs nodes with retries: the one place where anything is tried again."""

    def __init__(self, services: Services, accounts: Accounts, controls: Controls) -> None:
        """Act for the owners of runs, found in ``accounts``; register each node in ``controls``."""
        self._services = services
        self._accounts = accounts
        self._controls = controls

    def run(self, task: RunTask, graph: Graph, node: Node, values: Mapping[str, str]) -> Outcome:
        """Run a node until it succeeds, fails for good, or is stopped. Never raises an ordinary exception."""
        run_id = task.run.id
        journal = self._services.journal
        journal.event(run_id, "node_started", node.id, {})
        try:
            with self._controls.node(run_id, kind_of(node).time_limit_seconds(node)) as control:
                # Redacted before the queue stores it and before another model reads it.
                output = redact(self._attempts(task, graph, node, values, control))
        except CoreError as error:
            journal.event(run_id, "node_failed", node.id, {"code": error.code, "message": error.sentence})
            return Outcome(output=None, code=error.code, message=error.sentence)
        journal.event(run_id, "node_finished", node.id, {"output": output})
        return Outcome(output=output, code=None, message=None)

    def settle_interrupted(self, task: RunTask, graph: Graph) -> None:
        """Close the calls that a dead worker sent and never settled; only for a run that was taken up again."""
        run_id = task.run.id
        for node in graph.nodes:
            calls = self._services.usage.interrupt_left_open(run_id, node.id)
            if calls:
                self._services.journal.event(run_id, "model_calls_interrupted", node.id, {"calls": calls})

    def _attempts(
        self, task: RunTask, graph: Graph, node: Node, values: Mapping[str, str], control: RunControl
    ) -> str:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._once(task, graph, node, values, control)
            except CoreError as error:
                if not error.retryable or attempt == MAX_ATTEMPTS:
                    raise
                pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
                self._services.journal.event(
                    task.run.id,
                    "node_retry",
                    node.id,
                    {
                        "code": error.code,
                        "message": error.sentence,
                        "pause_seconds": pause,
                        "attempt": attempt,
                    },
                )
                _wait(pause, control)
        raise AssertionError("unreachable")

    def _once(self, task: RunTask, graph: Graph, node: Node, values: Mapping[str, str], control: RunControl) -> str:
        user = self._accounts.user(task.run.owner_id)
        if user is None:
            raise OwnerInactive
        set_doer("worker", task.run.id)  # what a node does is done in this person's name
        context = NodeContext(
            services=self._services,
            run=task.run,
            user=user,
            control=control,
        )
        try:
            result = kind_of(node).run(context, node, Scope(values, graph.sources_of(node.id)))
        except CoreError:
            raise
        except Exception as error:
            log.exception("node failed unexpectedly", run_id=task.run.id, node_id=node.id)
            raise Internal(reference=task.run.id) from error
        assert isinstance(result, Done)  # noqa: S101 - no kind waits yet
        return as_text(result.output)


def _wait(seconds: float, control: RunControl) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            control.check()
        except Stopped as stop:
            raise stop.error from None
        time.sleep(POLL_SECONDS)
