"""Goes on with runs: from the node that failed, from any node in a new run, with one node alone, or after doubt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.db import Connection
from core.engine.fitting import fitting
from core.engine.graph import Graph, parse_graph
from core.errors import Conflict, NotFound
from core.runs import repository
from core.runs.lineage import repository as lineage
from core.runs.models import Parent, Run, RunTask
from core.runs.nodes import repository as nodes
from core.runs.nodes.models import NodeState
from core.runs.segments import repository as segments
from core.runs.start import Origin
from core.runs.starting import Starting
from core.runs.testing import node_alone


class Continuing(Starting):
    """The part of ``Runs`` that goes on with what has begun."""

    def resume(self, actor: User, run_id: str) -> Run:
        """Go on with a run that failed or was cancelled, from there: what has finished is kept.

        Workflows inside it go on in the same way.

        Raises:
            NotFound: the run is a stranger's, or its workflow or an agent of it is gone or not shared any more.
            Conflict: it has not ended, it succeeded, or it belongs to another run.
            Forbidden, KeyNotShared, WorkflowArchived: the actor may not run it now.
        """
        with self._db.read() as connection:
            task = self._task(connection, actor, run_id)
        require(actor, "runs.start")
        if not task.run.can_be_retried:
            raise Conflict("Only a run that failed or was cancelled can go on.")
        if task.run.parent is not None:
            raise Conflict("This run belongs to a step of another run. Let that one go on.")
        self._require_as_it_was(actor, task.run, task.graph)
        with self._db.transaction() as connection:
            if not self._go_on(connection, task, clock.now()):
                raise Conflict("This run goes on already.")
            self._audit.record(connection, actor, "run.resumed", "run", task.run.id)
        self.waking.let_begin()
        return self._now(actor, run_id)

    def run_again_from(self, actor: User, run_id: str, node_id: str) -> Run:
        """Start a run that takes over what another one has found out before a node, and does the rest anew.

        Raises:
            NotFound: the run is a stranger's, has no such node, or its workflow or an agent of it is gone.
            Conflict: it has not ended, or no way led to this node.
            Forbidden, KeyNotShared, WorkflowArchived: the actor may not run it now.
        """
        with self._db.read() as connection:
            task = self._task(connection, actor, run_id)
            states = nodes.of_run(connection, task.run.id)
            limit_micros = self._ledger.caps(connection, [task.run.id]).get(task.run.id)
        require(actor, "runs.start")
        run, graph = task.run, parse_graph(task.graph)
        if node_id not in graph.by_id:
            raise NotFound(what="step")
        if run.is_active:
            raise Conflict("This run still works. Wait until it has ended, or cancel it.")
        if any(state.node_id == node_id and state.status == "skipped" for state in states):
            raise Conflict("No way led to this step. Start from a step before it.")
        self._require_as_it_was(actor, run, task.graph)
        anew = {node_id} | graph.downstream_of(node_id)
        over = {state.node_id for state in states if _is_over(graph, state)} - anew
        of = Origin(
            run.title,
            run.agent_id,
            run.department,
            workflow_id=run.workflow_id,
            workflow_version=run.workflow_version,
            is_test=run.is_test,
            origin_run_id=run.id,
        )
        kept = [state for state in states if state.node_id in over]
        return self._start(actor, task.graph, run.inputs, of, limit_micros, kept)

    def test_node(
        self,
        actor: User,
        workflow_id: str,
        node_id: str,
        values: Mapping[str, Any],
        graph: Mapping[str, Any] | None = None,
        budget_micros: int | None = None,
    ) -> Run:
        """Run one node of a workflow's draft, with values in the place of what comes before it.

        Args:
            actor: who edits the workflow.
            workflow_id: which workflow.
            node_id: which node; the others need not be complete.
            values: inputs of the workflow, and outputs of nodes, by name; what is missing is nothing.
            graph: the graph as it is being edited, instead of the draft that is saved.
            budget_micros: the most that the run may cost.

        Raises:
            NotFound: the workflow is a stranger's, or has no such node.
            Forbidden, WorkflowArchived: the actor may not edit it.
            GraphInvalid: the node, or the graph as a whole, has not the right form.
            Invalid: the values are too long.
        """
        draft = self._workflows.to_test(actor, workflow_id)
        cut, pinned, inputs = node_alone(draft.graph if graph is None else graph, node_id, values)
        alone = self._fill(actor, Graph((cut.by_id[node_id],)), draft.workflow.department)
        filled = Graph(tuple(alone.by_id.get(node.id, node) for node in cut.nodes), cut.edges)
        of = Origin(
            f"Test of {alone.nodes[0].title}"[:120],
            department=draft.workflow.department,
            workflow_id=workflow_id,
            is_test=True,
        )
        return self._start(actor, filled.document(), inputs, of, budget_micros, pinned)

    def settle_doubt(
        self, actor: User, run_id: str, node_id: str, item: int, happened: bool, result: Any = None
    ) -> Run:
        """Say whether a node, or a round of it, has acted before it was interrupted; the run goes on then.

        Args:
            actor: whose run it is.
            run_id: which run.
            node_id: which node.
            item: which round; -1 is the node itself.
            happened: whether it has acted. If not, it does so now.
            result: what came of it, when it has.

        Raises:
            NotFound: the run is a stranger's.
            Conflict: nothing is in doubt there.
            OutputTooLarge: the result is.
        """
        output, at = fitting(result), clock.now()
        with self._db.transaction() as connection:
            run = self._task(connection, actor, run_id).run
            require(actor, "runs.start")
            segments.lock(connection, run.id)  # before its nodes, as the worker does
            settled = {"status": "succeeded", "output": output, "ended_at": at}
            doubtful = ("in_doubt",)
            if happened:
                was_open = nodes.change(connection, run.id, node_id, item, doubtful, **settled)
            else:
                was_open = nodes.forget_one(connection, run.id, node_id, item, doubtful)
            if not was_open:
                raise Conflict("Nothing is in doubt here any more.")
            told = {"happened": happened, "by": actor.id, "round": item}
            repository.add_event(connection, run.id, at, "node_settled", node_id, told)
            self._audit.record(connection, actor, "run.doubt_settled", "run", run.id, detail={"happened": happened})
            self.waking.wake(connection, run.id)
        self.waking.let_begin()
        return self._now(actor, run_id)

    # --- inside ----------------------------------------------------------------------------------

    def _go_on(self, connection: Connection, task: RunTask, at: datetime) -> bool:
        """Put a run that went wrong back into the queue; False when it stands there already.

        What is inside comes first: see ``core.runs.stopping``.
        """
        run, graph = task.run, parse_graph(task.graph)
        for state in nodes.of_run(connection, run.id):
            if _is_over(graph, state):
                continue
            place = (connection, run.id, state.node_id, state.item)
            child = self._inside(connection, Parent(run.id, state.node_id, state.item))
            if child is not None and (child.run.is_active or self._go_on(connection, child, at)):
                nodes.change(*place, (state.status,), status="waiting", ended_at=None, output=None)
            elif state.acted_at is None:
                nodes.forget_one(*place, (state.status,))
            elif state.has_acted:
                nodes.change(*place, (state.status,), status="running", ended_at=None)
            else:
                nodes.change(*place, (state.status,), status="in_doubt", ended_at=None)
        goes_on = segments.resume(connection, run.id)
        if goes_on:
            repository.add_event(connection, run.id, at, "run_queued", None, {"segment": run.segment + 1})
        return goes_on

    @staticmethod
    def _inside(connection: Connection, parent: Parent) -> RunTask | None:
        run_id = lineage.newest_inside(connection, parent)
        found = repository.task(connection, run_id) if run_id else None
        return found if found and found.run.status != "succeeded" else None

    def _task(self, connection: Connection, actor: User, run_id: str) -> RunTask:
        task = repository.task(connection, run_id)
        if task is None or task.run.owner_id != actor.id:
            raise NotFound(what="run")
        return task

    def _now(self, actor: User, run_id: str) -> Run:
        with self._db.read() as connection:
            return self._task(connection, actor, run_id).run


def _is_over(graph: Graph, state: NodeState) -> bool:
    """Whether what became of a node stands when its run goes on."""
    if state.status != "failed":
        return state.is_decided
    return state.branch != "" and state.node_id in graph.by_id
