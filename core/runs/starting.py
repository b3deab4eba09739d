"""Starts runs: of an agent, of a workflow, of a graph, or again what went wrong.

The row comes first, then the queue; a sweep mends what a crash tore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.agents.service import Agents
from core.audit.service import Audit
from core.budgets.models import MAX_LIMIT_MICROS
from core.db import Connection, Database
from core.engine.crash_points import reach
from core.engine.graph import Graph, parse_graph
from core.engine.graph_agents import agents_in
from core.engine.nodes.registry import check_node
from core.errors import Conflict, GraphInvalid, Invalid, NotFound, RunCancelled
from core.keys.service import Keys
from core.ledger.service import Ledger
from core.quotas.service import Quotas
from core.runs import repository
from core.runs.filling import Filling
from core.runs.inputs import inputs_for, read_texts
from core.runs.lineage import repository as lineage
from core.runs.models import Parent, Run
from core.runs.nodes import repository as nodes
from core.runs.nodes.models import NodeState
from core.runs.queue import RunQueue
from core.runs.start import Origin, one_node, origin_of, title_of
from core.runs.waking import Waking
from core.turns.service import Dispatch
from core.workflows.failures import WorkflowInvalid
from core.workflows.service import Workflows

# A workflow in a workflow in a workflow …
MAX_NESTED = 10


class Starting:
    """The half of ``Runs`` that makes new ones."""

    def __init__(
        self,
        db: Database,
        queue: RunQueue,
        agents: Agents,
        keys: Keys,
        workflows: Workflows,
        ledger: Ledger,
        quotas: Quotas,
        audit: Audit,
    ) -> None:
        """Look up what runs in ``agents``, ``keys`` and ``workflows``; cap it by ``ledger`` and ``quotas``."""
        self._db = db
        self._queue = queue
        self._agents = agents
        self._keys = keys
        self._workflows = workflows
        self._ledger = ledger
        self._audit = audit
        self.dispatch = Dispatch(db, queue, quotas)
        self.waking = Waking(db, self.dispatch)

    def start_agent_run(self, actor: User, agent_id: str, text: str, budget_micros: int | None = None) -> Run:
        """Run an agent on a text; ``budget_micros`` is the most that the run may cost.

        Raises:
            NotFound: the agent is a stranger's.
            Forbidden: it is shared with the actor to look at only.
            KeyNotShared: its key is neither the actor's nor lent to the agent.
            Invalid: the text is empty or too long, or this is no amount.
        """
        agent = self._agents.to_run(actor, agent_id)
        return self._start(actor, one_node(agent), read_texts({"input": text}), origin_of(agent), budget_micros)

    def start_graph_run(
        self,
        actor: User,
        title: str,
        graph: Mapping[str, Any],
        inputs: Mapping[str, str],
        budget_micros: int | None = None,
    ) -> Run:
        """Run a graph that is no workflow; a node names its agent by ``agent_id`` or carries its definition.

        Raises:
            GraphInvalid: a sentence about the first thing that is wrong.
            NotFound: an agent of the graph is a stranger's.
            Forbidden, KeyNotShared: the actor may not run one.
        """
        # Read first, so that no more agents are looked up than may be.
        filled = self._fill(actor, _checked(graph), actor.department or "")
        return self._start(actor, filled.document(), read_texts(inputs), Origin(title_of(title)), budget_micros)

    def start_workflow_run(
        self,
        actor: User,
        workflow_id: str,
        inputs: Mapping[str, Any],
        budget_micros: int | None = None,
        *,
        version: int | None = None,
        is_test: bool = False,
        source_id: str | None = None,
        parent: Parent | None = None,
    ) -> Run:
        """Run a workflow: its published version, or an older one, with the agents that it names as they are now.

        Args:
            actor: who runs it, and may run its agents.
            workflow_id: which workflow.
            inputs: the values of its input fields, by name; texts are read as the fields' types.
            budget_micros: the most that the run, with those of workflows inside it, may cost.
            version: None runs the published one.
            is_test: run the draft instead, by somebody who edits it.
            source_id: the firing that wants the run; asked for again, it is given the run that it has.
            parent: the node that wants the run, inside another one; asked for again, it is given the same run.

        Raises:
            NotFound: the workflow, or an agent of it, is a stranger's; there is no such version.
            Forbidden, KeyNotShared: the actor may not run it, or one of its agents.
            NotPublished, WorkflowArchived: it does not run now.
            WorkflowInvalid: the draft could not run; has all problems.
            Invalid: an input is missing or has not the right form, with its name; or this is no amount.
        """
        with self._db.read() as connection:
            found = _started_for(connection, source_id, parent)
        if found is not None:
            return found
        if is_test:
            runnable = self._workflows.to_test(actor, workflow_id)
            wrong = self._workflows.problems(actor, runnable.graph, workflow_id)
            if errors := [problem for problem in wrong if not problem.is_warning]:
                raise WorkflowInvalid(errors)
        else:
            runnable = self._workflows.to_run(actor, workflow_id, version)
        workflow = runnable.workflow
        graph = _checked(runnable.graph)
        values = inputs_for(graph, inputs)
        of = Origin(
            workflow.name,
            department=workflow.department,
            workflow_id=workflow.id,
            workflow_version=runnable.version,
            is_test=is_test,
            source_id=source_id,
            parent=parent,
        )
        document = self._fill(actor, graph, workflow.department).document()
        return self._start(actor, document, values, of, budget_micros)

    def run_inside(
        self, actor: User, parent: Parent, workflow_id: str, inputs: Mapping[str, Any], version: int | None
    ) -> Run:
        """Return the run of another workflow for a node: started the first time, found again afterwards.

        One that went wrong is found too, until the node begins anew. Raises what ``start_workflow_run`` raises.
        """
        with self._db.read() as connection:
            if repository.run_of(connection, actor.id, parent.run_id) is None:
                raise NotFound(what="run")
            state = nodes.one(connection, parent.run_id, parent.node_id, parent.item)
            run_id = lineage.inside(connection, parent, state.started_at if state else None)
            task = repository.task(connection, run_id) if run_id else None
        if task is not None:
            return task.run
        return self.start_workflow_run(actor, workflow_id, inputs, version=version, parent=parent)

    def retry(self, actor: User, run_id: str) -> Run:
        """Start a run again that failed or was cancelled: its graph and agents as they were, inputs and limit too.

        Raises:
            NotFound: the run is a stranger's, or its workflow or an agent of it is gone or not shared any more.
            Conflict: it has not ended, or it succeeded.
            Forbidden, KeyNotShared: the actor may not run one of its agents now, on the key that it had.
            WorkflowArchived: its workflow has to be brought back first.
        """
        with self._db.read() as connection:
            task = repository.task(connection, run_id)
            limit_micros = self._ledger.caps(connection, [run_id]).get(run_id)
        if task is None or task.run.owner_id != actor.id:
            raise NotFound(what="run")
        require(actor, "runs.start")
        run = task.run
        if not run.can_be_retried:
            raise Conflict("Only a run that failed or was cancelled can be retried.")
        self._require_as_it_was(actor, run, task.graph)
        of = Origin(
            run.title,
            run.agent_id,
            run.department,
            retry_of=run.id,
            workflow_id=run.workflow_id,
            workflow_version=run.workflow_version,
            is_test=run.is_test,
        )
        return self._start(actor, task.graph, run.inputs, of, limit_micros)

    # --- inside ----------------------------------------------------------------------------------

    def _fill(self, actor: User, graph: Graph, department: str) -> Graph:
        return Filling(actor, department, self._agents, self._keys, self._workflows).fill(graph)

    def _require_as_it_was(self, actor: User, run: Run, graph: Mapping[str, Any]) -> None:
        """Raise unless the actor may run a run's graph again, with its agents on the keys that they had."""
        if run.workflow_id is not None:
            if run.is_test:
                self._workflows.to_test(actor, run.workflow_id)
            else:
                self._workflows.to_run(actor, run.workflow_id, run.workflow_version)
        for agent_id, definition in agents_in(graph):
            self._agents.require_run_as_it_was(actor, agent_id, definition["key_id"])

    def _start(
        self,
        actor: User,
        document: Mapping[str, Any],
        inputs: Mapping[str, Any],
        of: Origin,
        budget_micros: int | None,
        states: Sequence[NodeState] = (),
    ) -> Run:
        require(actor, "runs.start")
        if budget_micros is not None and not 0 <= budget_micros <= MAX_LIMIT_MICROS:
            raise Invalid("Enter the most that the run may cost, in dollars, or nothing.", "budget_micros")
        graph = _checked(document)
        for node in graph.nodes:
            if node.id in inputs:
                raise GraphInvalid(f"a node and an input are both called {node.id}.")
        run = Run(
            id=clock.new_id("run"),
            owner_id=actor.id,
            agent_id=of.agent_id,
            department=of.department,
            title=of.title,
            status="queued",
            inputs=inputs,
            output=None,
            error=None,
            created_at=clock.now(),
            started_at=None,
            cancel_requested_at=None,
            ended_at=None,
            budget_micros=budget_micros,
            workflow_id=of.workflow_id,
            workflow_version=of.workflow_version,
            is_test=of.is_test,
            source_id=of.source_id,
            parent=of.parent,
            origin_run_id=of.origin_run_id or of.retry_of,
        )
        with self._db.transaction() as connection:
            if of.parent is not None:
                if not lineage.lock_working(connection, of.parent.run_id):
                    raise RunCancelled
                if lineage.depth_of(connection, of.parent.run_id) >= MAX_NESTED:
                    raise Conflict(f"Workflows run each other more than {MAX_NESTED} levels deep.")
                if found := _started_for(connection, None, of.parent):
                    return found
            if not repository.insert_run(connection, run, graph.document()):
                # Another worker was faster with the same firing.
                found = _started_for(connection, of.source_id, None)
                assert found is not None  # noqa: S101 - it stood in the way
                return found
            if budget_micros is not None:
                self._ledger.cap_run(connection, run.id, budget_micros, actor.id)
            nodes.add(connection, run.id, [replace(state, is_cached=True) for state in states])
            action, detail = "run.started", {}
            if of.retry_of is not None:
                action, detail = "run.retried", {"of": of.retry_of}
            elif of.origin_run_id is not None:
                action, detail = "run.started_again", {"of": of.origin_run_id}
            elif of.workflow_id is not None:
                detail = {"workflow": of.workflow_id}
            self._audit.record(connection, actor, action, "run", run.id, detail=detail)
            repository.add_event(connection, run.id, run.created_at, "run_queued", None, {})
        reach("run row written" if of.parent is None else "child started")
        self.waking.let_begin()
        return run


def _started_for(connection: Connection, source_id: str | None, parent: Parent | None) -> Run | None:
    run_id = lineage.started_for(connection, source_id, parent)
    task = repository.task(connection, run_id) if run_id else None
    return task.run if task else None


def _checked(document: Mapping[str, Any]) -> Graph:
    """Return a graph in which every node could run; raises ``GraphInvalid``."""
    graph = parse_graph(document)
    for node in graph.nodes:
        check_node(node)
    return graph
