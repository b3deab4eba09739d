"""One segment of a run: from what is remembered to its end, or to where only waiting is left.

Knows the graph and nothing of the queue: ``take`` makes a durable step of a node's first go.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from core import clock
from core.engine.control import Controls
from core.engine.crash_points import reach
from core.engine.execution import NodeRunner, Outcome
from core.engine.failures import NodeTimedOut
from core.engine.graph import Graph, Node, parse_graph
from core.engine.nodes.base import Scope
from core.engine.values import as_text
from core.engine.walk import live_sources, next_nodes
from core.errors import CoreError, RunCancelled
from core.runs.journal import RunJournal
from core.runs.models import RunTask
from core.runs.nodes.models import NODE

MAX_PARALLEL_NODES = 8
POLL_SECONDS = 0.5

Take = Callable[[Node, Callable[[], Outcome]], Outcome]


class StoredFailure(CoreError):
    """{message}"""

    def __init__(self, code: str, message: str) -> None:
        """Carry the code and sentence that a node stored."""
        super().__init__(message=message)
        self.code = code


class NotOurs(Exception):
    """The run has ended, or goes on elsewhere."""


@dataclass(frozen=True)
class Finished:
    """What a run has come to: the text that is shown, and the values of its output nodes if it has any."""

    output: str
    outputs: Mapping[str, Any] | None


class Course:
    """Follows the graph of one run."""

    def __init__(
        self, journal: RunJournal, runner: NodeRunner, controls: Controls, task: RunTask, take: Take
    ) -> None:
        """Let ``runner`` run the nodes of ``task``, by ``take`` the first time; ``journal`` remembers them."""
        self._journal = journal
        self._runner = runner
        self._controls = controls
        self._task = task
        self._take = take
        self._graph = parse_graph(task.graph)
        # By which outcome each decided node went on, and what it gave.
        self._ways: dict[str, str | None] = {}
        self._outputs: dict[str, Any] = {}
        self._waiting: dict[str, datetime | None] = {}
        self._running: dict[Future[Outcome], Node] = {}
        # Why nothing more is begun.
        self._end: CoreError | NotOurs | None = None

    def follow(self, *, is_taken_up: bool) -> Finished | None:
        """Run what can run; None when the run waits from now on.

        Args:
            is_taken_up: the worker that had this segment died in the middle of it.

        Raises:
            CoreError: the run has failed, or was asked to stop.
            NotOurs: nothing of it is to be written any more.
        """
        again = self._recall()
        if is_taken_up:
            for node in self._graph.nodes:
                if node.id not in self._ways:
                    self._runner.settle_interrupted(self._task, node.id)
        self._pool = ThreadPoolExecutor(MAX_PARALLEL_NODES, thread_name_prefix="node")
        try:
            for node in again:
                self._look_again(node)
            while True:
                if self._end is None:
                    self._begin_next()
                if self._running:
                    self._collect()
                elif self._end is not None:
                    raise self._end
                elif not self._waiting:
                    return self._finished()
                elif not self._look_again_if_due() and self._rests():
                    return None
        finally:
            self._let_end()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _recall(self) -> list[Node]:
        """Take over what is remembered; return the nodes that waited."""
        waited = []
        for state in self._journal.nodes.states(self._task.run.id):
            node = self._graph.by_id.get(state.node_id)
            if node is None or state.item != NODE:
                continue
            if state.status == "in_doubt":
                self._waiting[node.id] = None
            elif state.status == "waiting":
                waited.append(node)
            elif state.is_decided:
                self._note(node, Outcome.of(state))
        return waited

    def _begin_next(self) -> None:
        begun = {node.id for node in self._running.values()} | set(self._waiting)
        found = next_nodes(self._graph, self._ways, begun)
        if found.skipped:
            if not self._journal.nodes.skip(self._task.run, [node.id for node in found.skipped]):
                self._stop_for(self._why_stopped())
                return
            reach("node skipped")
            self._ways.update({node.id: None for node in found.skipped})
        for node in found.ready:
            go = partial(self._runner.run, self._task, self._graph, node, self._scope(node))
            self._submit(node, partial(self._take, node, go))

    def _look_again_if_due(self) -> bool:
        """Look again at what waits when its time has come or something has happened; return whether any is."""
        now = clock.now()
        due = [node_id for node_id, due_at in self._waiting.items() if due_at is not None and due_at <= now]
        if self._journal.hear(self._task.run.id, self._task.run.segment):
            due = list(self._waiting)
        for node_id in due:
            self._look_again(self._graph.by_id[node_id])
        return bool(due)

    def _look_again(self, node: Node) -> None:
        # Not as a step: DBOS would give back that it waits, which is what it remembers of it.
        self._waiting.pop(node.id, None)
        self._submit(node, partial(self._runner.run, self._task, self._graph, node, self._scope(node)))

    def _submit(self, node: Node, go: Callable[[], Outcome]) -> None:
        self._running[self._pool.submit(contextvars.copy_context().run, go)] = node

    def _collect(self) -> None:
        finished, _ = wait(self._running, POLL_SECONDS, FIRST_COMPLETED)
        for future in finished:
            self._note(self._running.pop(future), future.result())
        if finished:
            return
        self._leave_stuck_behind()
        if self._end is not None:
            self._stop_siblings()
        elif self._waiting:
            self._look_again_if_due()

    def _note(self, node: Node, outcome: Outcome) -> None:
        if outcome.status == "stopped":
            self._stop_for(self._end or self._why_stopped())
        elif outcome.ends_the_run:
            self._stop_for(self._end or StoredFailure(outcome.code or "", outcome.message or ""))
        elif outcome.status in ("waiting", "in_doubt"):
            self._waiting[node.id] = outcome.due_at
        elif outcome.status == "skipped":
            self._ways[node.id] = None
        else:
            self._ways[node.id] = outcome.branch
            self._outputs[node.id] = outcome.output

    def _stop_for(self, reason: CoreError | NotOurs) -> None:
        """Begin nothing more, and have what runs beside it stop; the first reason counts."""
        self._end = self._end or reason
        self._stop_siblings()

    def _stop_siblings(self) -> None:
        for future in [future for future in self._running if future.cancel()]:
            del self._running[future]
        self._controls.stop_run(self._task.run.id, "cancelled")

    def _why_stopped(self) -> CoreError | NotOurs:
        return RunCancelled() if self._journal.cancel_requested([self._task.run.id]) else NotOurs()

    def _leave_stuck_behind(self) -> None:
        """Expect nothing more of nodes that should have stopped a while ago and have not."""
        stuck = self._controls.stuck(self._task.run.id)
        for future, node in list(self._running.items()):
            control = stuck.get(node.id)
            if control is None:
                continue
            control.is_abandoned = True
            del self._running[future]
            if control.is_late:
                error = NodeTimedOut(seconds=round(control.limit_seconds))
                self._note(node, self._runner.give_up(self._task, self._graph, node, error))
            else:
                self._stop_for(self._end or self._why_stopped())

    def _let_end(self) -> None:
        """Let nodes end that something unexpected left at work: nobody else may run them meanwhile."""
        while self._running:
            finished, _ = wait(self._running, POLL_SECONDS, FIRST_COMPLETED)
            for future in finished:
                del self._running[future]
            if not finished:
                self._end = self._end or NotOurs()
                self._leave_stuck_behind()

    def _rests(self) -> bool:
        """Let the run wait, if nothing keeps it from that."""
        dues = [due_at for due_at in self._waiting.values() if due_at is not None]
        run = self._task.run
        if self._journal.wait(run.id, run.segment, min(dues, default=None)):
            reach("run waits")
            return True
        if not self._journal.is_at_work(run):
            self._end = self._why_stopped()
        return False

    def _scope(self, node: Node) -> Scope:
        """Return what a node sees: the run's inputs, and the outputs of what came before it."""
        upstream = self._graph.upstream[node.id]
        values = {**self._task.run.inputs, **{k: v for k, v in self._outputs.items() if k in upstream}}
        return Scope(values, live_sources(self._graph, node.id, self._ways))

    def _finished(self) -> Finished:
        done = self._outputs
        named = {_name(n): done[n.id] for n in self._graph.nodes if n.kind == "output" and n.id in done}
        if named:
            only = next(iter(named.values()))
            text = as_text(only) if len(named) == 1 else json.dumps(named, ensure_ascii=False, indent=2)
            return Finished(text, named)
        return Finished(_text_of_ends(self._graph, done, is_test=self._task.run.is_test), None)


def _name(node: Node) -> str:
    name = node.config.get("name")
    return name if isinstance(name, str) and name else node.id


def _text_of_ends(graph: Graph, outputs: Mapping[str, Any], *, is_test: bool) -> str:
    """Return the output of the last node, or of each last node under its name."""
    ends = [node_id for node_id in graph.final_nodes() if node_id in outputs]
    if len(ends) == 1:
        return as_text(outputs[ends[0]])
    return "\n\n".join(f"**{node_id}**\n\n{as_text(outputs[node_id])}" for node_id in ends)
