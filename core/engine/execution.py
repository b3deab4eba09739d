"""Runs one node of one run to its outcome. Knows nothing of the queue that makes it durable."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from core import clock
from core.accounts.service import Accounts
from core.audit.origin import set_doer
from core.engine.control import Controls, RunControl, Stopped
from core.engine.crash_points import reach
from core.engine.failures import InDoubt
from core.engine.fitting import fitting
from core.engine.graph import ERROR, Graph, Node
from core.engine.nodes.base import NodeContext, Result, Scope, Services, Waiting
from core.engine.nodes.registry import kind_of
from core.errors import CoreError, Internal, OwnerInactive, RunCancelled
from core.logs import get_logger
from core.runs.models import Run, RunTask
from core.runs.nodes.models import NODE, NodeState
from core.security.redact import redact

MAX_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 2.0
POLL_SECONDS = 0.2
# A node that waits for a moment that is over would be looked at again without a pause.
SHORTEST_WAIT = timedelta(seconds=1)
# What no way on from an error is meant for.
ENDS_THE_RUN = (RunCancelled, OwnerInactive)

log = get_logger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What became of a node. ``stopped``: its run should not work any more, and nothing of it was kept."""

    status: Literal["succeeded", "failed", "skipped", "waiting", "in_doubt", "stopped"]
    output: Any = None
    branch: str = ""
    code: str | None = None
    message: str | None = None
    due_at: datetime | None = None

    @classmethod
    def of(cls, state: NodeState) -> Outcome:
        """Return what is remembered of a node that does not run."""
        status: Any = "stopped" if state.status in ("running", "cancelled") else state.status
        error = state.error if state.status == "failed" else None
        code, message = (error.code, error.message) if error else (None, None)
        return cls(status, state.output, state.branch, code, message, state.due_at)

    @property
    def ends_the_run(self) -> bool:
        """Whether it failed without a way on."""
        return self.status == "failed" and not self.branch


@dataclass
class Tries:
    """How often a node was tried."""

    count: int = 0


class NodeRunner:
    """Runs nodes with retries: the one place where anything is tried again."""

    def __init__(self, services: Services, accounts: Accounts, controls: Controls) -> None:
        """Act for the owners of runs, found in ``accounts``; register each node in ``controls``."""
        self._services = services
        self._accounts = accounts
        self._controls = controls
        self._memory = services.journal.nodes

    def run(self, task: RunTask, graph: Graph, node: Node, scope: Scope) -> Outcome:
        """Run a node until it succeeds, fails for good, waits, or is stopped.

        What is over already is not done again. Never raises an ordinary exception.
        """
        state = self._memory.start(task.run, node.id)
        if state is None or state.status != "running":
            return Outcome("stopped") if state is None else Outcome.of(state)
        reach("node started")
        tries = Tries()
        try:
            result = self._attempts(task, node, scope, tries)
            if isinstance(result, Waiting):
                return self._waits(task.run, node, result)
            # Redacted before the queue stores it and before another model reads it.
            output = fitting(result.output)
        except CoreError as error:
            return self._failed(task.run, graph, node, error, tries)
        reach("node done")
        is_kept = self._memory.finish(task.run, node.id, NODE, output, result.branch, attempts=tries.count)
        reach("node finished")
        return Outcome("succeeded", output, result.branch) if is_kept else Outcome("stopped")

    def give_up(self, task: RunTask, graph: Graph, node: Node, error: CoreError) -> Outcome:
        """Let a node fail that is still at work somewhere and cannot be stopped."""
        return self._failed(task.run, graph, node, error, Tries(1))

    def settle_interrupted(self, task: RunTask, node_id: str) -> None:
        """Close the calls that a dead worker sent and never settled; only for a run that was taken up again."""
        costs = [cost.micros for cost in self._services.usage.interrupt_left_open(task.run.id, node_id)]
        if costs:
            told = {"calls": len(costs), "cost_micros": None if None in costs else sum(filter(None, costs))}
            self._services.journal.event(task.run.id, "model_calls_interrupted", node_id, told)

    def _waits(self, run: Run, node: Node, result: Waiting) -> Outcome:
        due_at = result.due_at and max(result.due_at, clock.now() + SHORTEST_WAIT)
        is_kept = self._memory.wait(run, node.id, NODE, due_at)
        reach("node waits")
        return Outcome("waiting", due_at=due_at) if is_kept else Outcome("stopped")

    def _failed(self, run: Run, graph: Graph, node: Node, error: CoreError, tries: Tries) -> Outcome:
        sentence = redact(error.sentence)
        if isinstance(error, InDoubt):
            return Outcome("in_doubt" if self._memory.doubt(run, node.id) else "stopped")
        if isinstance(error, RunCancelled):
            self._services.journal.event(
                run.id, "node_failed", node.id, {"code": error.code, "message": error.sentence}
            )
            return Outcome("stopped", code=error.code, message=sentence)
        told: dict[str, Any] = {"error_code": error.code, "error_message": sentence, "attempts": tries.count}
        if node.handling.on_error == "default" and not isinstance(error, ENDS_THE_RUN):
            output = node.handling.default
            is_kept = self._memory.finish(run, node.id, NODE, output, **told)
            outcome = Outcome("succeeded", output)
        else:
            branch = ERROR if has_way_on_for_errors(graph, node) and not isinstance(error, ENDS_THE_RUN) else ""
            is_kept = self._memory.fail(run, node.id, NODE, error, branch, attempts=tries.count)
            output = {"code": error.code, "message": sentence} if branch else None
            outcome = Outcome("failed", output, branch, error.code, sentence)
        return outcome if is_kept else Outcome("stopped")

    def _attempts(self, task: RunTask, node: Node, scope: Scope, tries: Tries) -> Result:
        most = node.handling.attempts or MAX_ATTEMPTS
        limit = node.handling.timeout_seconds or kind_of(node).time_limit_seconds(node)
        while True:
            tries.count += 1
            with self._controls.node(task.run.id, limit, node.id) as control:
                try:
                    return self._once(task, node, scope, control)
                except CoreError as error:
                    # Its own limit counts for all attempts together, unless somebody wished for so many.
                    is_over = control.is_late and node.handling.attempts is None
                    if not error.retryable or tries.count >= most or is_over:
                        raise
                    pause = FIRST_PAUSE_SECONDS * 2 ** (tries.count - 1)
                    self._tell_retry(task.run, node, error, tries, pause)
            with self._controls.node(task.run.id, 2 * pause, node.id) as control:
                _wait(pause, control)

    def _tell_retry(self, run: Run, node: Node, error: CoreError, tries: Tries, pause: float) -> None:
        told = {"code": error.code, "message": error.sentence, "pause_seconds": pause, "attempt": tries.count}
        self._services.journal.event(run.id, "node_retry", node.id, told)

    def _once(self, task: RunTask, node: Node, scope: Scope, control: RunControl) -> Result:
        user = self._accounts.user(task.run.owner_id)
        if user is None:
            raise OwnerInactive
        set_doer("worker", task.run.id)  # what a node does is done in this person's name
        context = NodeContext(
            services=self._services,
            run=task.run,
            user=user,
            control=control,
            node_id=node.id,
            controls=self._controls,
        )
        try:
            return kind_of(node).run(context, node, scope)
        except CoreError:
            raise
        except Stopped as stop:
            raise stop.error from None
        except Exception as error:
            log.exception("node failed unexpectedly", run_id=task.run.id, node_id=node.id)
            raise Internal(reference=task.run.id) from error


def has_way_on_for_errors(graph: Graph, node: Node) -> bool:
    """Whether a node that fails goes on by an edge for that."""
    return node.handling.on_error == "branch" and any(edge.when == ERROR for edge in graph.outgoing[node.id])


def _wait(seconds: float, control: RunControl) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            control.check()
        except Stopped as stop:
            raise stop.error from None
        time.sleep(POLL_SECONDS)
