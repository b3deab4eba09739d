"""Start, watch and cancel runs. The row comes first, then the queue; a sweep mends what a crash tore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.agents.service import Agents
from core.audit.service import Audit
from core.budgets.models import MAX_LIMIT_MICROS
from core.db import Connection, Database
from core.db.types import storable
from core.engine.graph import parse_graph
from core.engine.graph_agents import agents_in
from core.engine.nodes.registry import check_node
from core.errors import Conflict, CoreError, GraphInvalid, Invalid, NotFound, OwnerInactive
from core.keys.models import Dependent
from core.ledger.service import Ledger
from core.quotas.service import Quotas
from core.runs import repository
from core.runs.ended import Ended
from core.runs.models import Backlog, QueuePlace, Run, RunEvent, RunFilter, RunPage, WorkerInfo
from core.runs.nodes import repository as nodes
from core.runs.queue import RunQueue
from core.runs.segments import repository as segments
from core.runs.start import Origin, one_node, origin_of, title_of
from core.runs.waking import Waking
from core.turns.service import WORKER_SILENT_AFTER, Dispatch
from core.usage.models import ModelCall
from core.usage.service import Usage

MAX_INPUT = 200_000
MAX_EVENTS = 2000


class Runs:
    """A person's runs."""

    def __init__(
        self,
        db: Database,
        queue: RunQueue,
        agents: Agents,
        usage: Usage,
        ledger: Ledger,
        quotas: Quotas,
        audit: Audit,
    ) -> None:
        """Look agents up in ``agents`` and costs in ``usage``; cap and begin them by ``ledger`` and ``quotas``."""
        self._db = db
        self.dispatch = Dispatch(db, queue, quotas)
        self._audit = audit
        self._queue = queue
        self._agents = agents
        self._usage = usage
        self._ledger = ledger
        self.ended = Ended()
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
        return self._start(actor, one_node(agent), {"input": text}, origin_of(agent), budget_micros)

    def start_graph_run(
        self,
        actor: User,
        title: str,
        graph: Mapping[str, Any],
        inputs: Mapping[str, str],
        budget_micros: int | None = None,
    ) -> Run:
        """Run a graph of agents; a node names its agent by ``agent_id`` or carries its definition.

        Raises:
            GraphInvalid: a sentence about the first thing that is wrong.
            NotFound: an agent of the graph is a stranger's.
            Forbidden, KeyNotShared: the actor may not run one.
        """
        document = parse_graph(graph).document()  # first, so that no more agents are looked up than may be
        document["nodes"] = [self._filled(actor, node) for node in document["nodes"]]
        return self._start(actor, document, inputs, Origin(title_of(title)), budget_micros)

    def retry(self, actor: User, run_id: str) -> Run:
        """Start a run again that failed or was cancelled: its agents as they were, its inputs and its limit.

        Raises:
            NotFound: the run is a stranger's, or an agent of it is gone or not shared any more.
            Conflict: it has not ended, or it succeeded.
            Forbidden, KeyNotShared: the actor may not run one of its agents now, on the key that it had.
        """
        run = self.get(actor, run_id)
        require(actor, "runs.start")
        if not run.can_be_retried:
            raise Conflict("Only a run that failed or was cancelled can be retried.")
        with self._db.read() as connection:
            task = repository.task(connection, run.id)
        if task is None:
            raise NotFound(what="run")
        for agent_id, definition in agents_in(task.graph):
            self._agents.require_run_as_it_was(actor, agent_id, definition["key_id"])
        of = Origin(run.title, run.agent_id, run.department, retry_of=run.id)
        return self._start(actor, task.graph, run.inputs, of, run.budget_micros)

    def get(self, actor: User, run_id: str) -> Run:
        """Return one run with its costs and its limit; ``NotFound`` for a stranger's."""
        run = self._owned(actor, run_id)
        with self._db.read() as connection:
            limit_micros = self._ledger.caps(connection, [run.id]).get(run.id)
        return replace(run, totals=self._usage.of_runs([run.id])[run.id], budget_micros=limit_micros)

    def list(self, actor: User, agent_id: str | None = None, limit: int = 50) -> Sequence[Run]:
        """Return the actor's runs with their costs, newest first."""
        with self._db.read() as connection:
            found = repository.runs_of(connection, actor.id, agent_id, limit)
        totals = self._usage.of_runs([run.id for run in found])
        return [replace(run, totals=totals[run.id]) for run in found]

    def page(
        self, actor: User, wanted: RunFilter, before: tuple[datetime, str] | None = None, limit: int = 50
    ) -> RunPage:
        """Return some of the actor's runs with their costs and limits, newest first.

        Args:
            actor: whose runs.
            wanted: which of them.
            before: ``created_at`` and ``id`` of the last one that was read.
            limit: how many at most; there are fewer when their texts are long.
        """
        with self._db.read() as connection:
            found = repository.page(connection, actor.id, wanted, before, limit)
            ids = [run.id for run in found.items]
            caps = self._ledger.caps(connection, ids)
        totals = self._usage.of_runs(ids)
        runs = (replace(run, totals=totals[run.id], budget_micros=caps.get(run.id)) for run in found.items)
        return RunPage(tuple(runs), found.has_more)

    def events(self, actor: User, run_id: str, after: int = 0, limit: int = MAX_EVENTS) -> Sequence[RunEvent]:
        """Return what happened after event number ``after``, in order, 2,000 events at most."""
        run = self._owned(actor, run_id)
        with self._db.read() as connection:
            # A browser may name any number; the column holds 31 bits.
            return repository.events_after(connection, run.id, min(after, 2**31 - 1), min(limit, MAX_EVENTS))

    def model_calls(self, actor: User, run_id: str) -> Sequence[ModelCall]:
        """Return a run's model calls in the order of sending."""
        return self._usage.calls_of_run(self._owned(actor, run_id).id)

    def place(self, actor: User, run_id: str) -> QueuePlace | None:
        """Return why a run waits for its turn; None when it does not wait."""
        return self.dispatch.place(self._owned(actor, run_id))

    def cancel(self, actor: User, run_id: str) -> Run:
        """Ask a run to stop: at once when it is queued or waits, at its next breath when it works."""
        run = self._owned(actor, run_id)
        with self._db.transaction() as connection:
            self._cancel(connection, run.id)
        return self.get(actor, run.id)

    def cancel_all(self, connection: Connection, owner_id: str) -> int:
        """Cancel a person's queued runs and stop their running ones in the caller's transaction."""
        found = repository.active_of(connection, owner_id)
        for run_id in found:
            self._cancel(connection, run_id, OwnerInactive())
        return len(found)

    def active_on_key(self, connection: Connection, key_id: str) -> Sequence[Dependent]:
        """Return anybody's runs that wait or work on a key; the caller has checked who may know."""
        return repository.active_on_key(connection, key_id)

    def next_due_at(self) -> datetime | None:
        """Return when a worker has something to do: now, later, or None when runs wait for people at most."""
        with self._db.read() as connection:
            return clock.now() if repository.any_at_work(connection) else segments.next_wake(connection)

    def workers(self) -> Sequence[WorkerInfo]:
        """Return the workers that are alive."""
        with self._db.read() as connection:
            return repository.live_workers(connection, clock.now() - WORKER_SILENT_AFTER)

    def live_workers(self, actor: User) -> Sequence[WorkerInfo]:
        """Return the workers that are alive, the one that started first before the others; for administrators."""
        require(actor, "workers.read")
        return sorted(self.workers(), key=lambda worker: worker.started_at)

    def backlog(self, actor: User) -> Backlog:
        """Return how many runs of anybody wait and work; for administrators."""
        require(actor, "workers.read")
        with self._db.read() as connection:
            return repository.backlog(connection)

    def close(self) -> None:
        """Close the queue's connections."""
        self._queue.close()

    # --- inside ----------------------------------------------------------------------------------

    def _start(
        self,
        actor: User,
        document: Mapping[str, Any],
        inputs: Mapping[str, str],
        of: Origin,
        budget_micros: int | None,
    ) -> Run:
        require(actor, "runs.start")
        if budget_micros is not None and not 0 <= budget_micros <= MAX_LIMIT_MICROS:
            raise Invalid("Enter the most that the run may cost, in dollars, or nothing.", "budget_micros")
        graph = parse_graph(document)
        for node in graph.nodes:
            check_node(node)
            if node.id in inputs:
                raise GraphInvalid(f"a node and an input are both called {node.id}.")
        run = Run(
            id=clock.new_id("run"),
            owner_id=actor.id,
            agent_id=of.agent_id,
            department=of.department,
            title=of.title,
            status="queued",
            inputs=_inputs(inputs),
            output=None,
            error=None,
            created_at=clock.now(),
            started_at=None,
            cancel_requested_at=None,
            ended_at=None,
            budget_micros=budget_micros,
        )
        with self._db.transaction() as connection:
            repository.insert_run(connection, run, graph.document())
            if budget_micros is not None:
                self._ledger.cap_run(connection, run.id, budget_micros, actor.id)
            if of.retry_of is None:
                self._audit.record(connection, actor, "run.started", "run", run.id)
            else:
                self._audit.record(connection, actor, "run.retried", "run", run.id, detail={"of": of.retry_of})
            repository.add_event(connection, run.id, run.created_at, "run_queued", None, {})
        self.waking.let_begin()
        return run

    def _cancel(self, connection: Connection, run_id: str, reason: CoreError | None = None) -> None:
        """End a run that is queued or waits at once; ask one that works to stop, unless it was asked before."""
        at = clock.now()
        told = {"error_code": reason.code, "error_message": reason.sentence} if reason else {}
        stopped = {"status": "cancelled", "cancel_requested_at": at, "ended_at": at, "wake_at": None}
        if repository.change_status(connection, run_id, ("queued", "waiting"), **stopped, **told):
            nodes.close(connection, run_id, at)
            detail = {"code": reason.code} if reason else {}
            repository.add_event(connection, run_id, at, "run_cancelled", None, detail)
            self.ended.tell(connection, run_id)
        else:
            repository.ask_to_stop(connection, run_id, at)

    def _owned(self, actor: User, run_id: str) -> Run:
        with self._db.read() as connection:
            run = repository.run_of(connection, actor.id, run_id)
        if run is None:
            raise NotFound(what="run")
        return run

    def _filled(self, actor: User, node: Mapping[str, Any]) -> Mapping[str, Any]:
        if node["kind"] != "agent":
            return node
        if not isinstance(node.get("agent_id"), str):
            raise GraphInvalid(f"the node {node.get('id')} names no agent.")
        agent = self._agents.to_run(actor, node["agent_id"])
        return {**node, "agent": agent.definition.model_dump(mode="json")}


def _inputs(given: Mapping[str, str]) -> dict[str, str]:
    cleaned = {name: storable(value).strip() for name, value in given.items()}
    if not all(cleaned.values()):
        raise Invalid("Enter what the agent should work on.", "input")
    if sum(map(len, cleaned.values())) > MAX_INPUT:
        raise Invalid(f"The input is longer than {MAX_INPUT:,} characters. Shorten it.", "input")
    return cleaned
