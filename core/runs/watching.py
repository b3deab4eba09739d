"""Looks at one run: its owner may, and once it is shared by its link, everybody here who has that.

Whoever only has the link changes nothing: all that does so asks for the owner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.errors import NotFound
from core.runs import repository
from core.runs.continuing import Continuing
from core.runs.lineage import repository as lineage
from core.runs.lineage.models import Lineage
from core.runs.models import QueuePlace, Run, RunEvent
from core.runs.nodes import repository as nodes
from core.runs.nodes.models import NodeState
from core.usage.models import ModelCall, Totals, counted, sum_of
from core.usage.service import Usage

MAX_EVENTS = 2000


class Watching(Continuing):
    """The part of ``Runs`` that looks at one of them. A stranger gets ``NotFound``."""

    _usage: Usage

    def get(self, actor: User, run_id: str) -> Run:
        """Return one run with its costs and its limit."""
        run = self._seen(actor, run_id)
        with self._db.read() as connection:
            limit_micros = self._ledger.caps(connection, [run.id]).get(run.id)
        return replace(run, totals=self._usage.of_runs([run.id])[run.id], budget_micros=limit_micros)

    def events(self, actor: User, run_id: str, after: int = 0, limit: int = MAX_EVENTS) -> Sequence[RunEvent]:
        """Return what happened after event number ``after``, in order, 2,000 events at most."""
        run = self._seen(actor, run_id)
        with self._db.read() as connection:
            # A browser may name any number; the column holds 31 bits.
            return repository.events_after(connection, run.id, min(after, 2**31 - 1), min(limit, MAX_EVENTS))

    def model_calls(self, actor: User, run_id: str) -> Sequence[ModelCall]:
        """Return a run's model calls in the order of sending."""
        return self._usage.calls_of_run(self._seen(actor, run_id).id)

    def place(self, actor: User, run_id: str) -> QueuePlace | None:
        """Return why a run waits for its turn; None when it does not wait."""
        return self.dispatch.place(self._seen(actor, run_id))

    def graph(self, actor: User, run_id: str) -> Mapping[str, Any]:
        """Return the graph that a run follows, with its copies of agents: as it was when the run was started."""
        run = self._seen(actor, run_id)
        with self._db.read() as connection:
            task = repository.task(connection, run.id)
        if task is None:
            raise NotFound(what="run")
        return task.graph

    def node_states(self, actor: User, run_id: str) -> Sequence[NodeState]:
        """Return what became of a run's nodes and their rounds so far."""
        run = self._seen(actor, run_id)
        with self._db.read() as connection:
            return nodes.of_run(connection, run.id)

    def node_totals(self, actor: User, run_id: str) -> Mapping[str, Totals]:
        """Return what each node has used, with the runs of other workflows that it has started."""
        run = self._seen(actor, run_id)
        with self._db.read() as connection:
            children = repository.runs_by_id(connection, lineage.all_inside(connection, run.id))
        calls: dict[str, list[ModelCall]] = {}
        for call in self._usage.calls_of_run(run.id):
            calls.setdefault(call.node_id, []).append(call)
        totals = {node_id: counted(found) for node_id, found in calls.items()}
        inside = self._usage.of_runs([child.id for child in children]) if children else {}
        for child in children:
            if child.parent is not None:
                node_id = child.parent.node_id
                totals[node_id] = sum_of((totals.get(node_id, Totals()), inside[child.id]))
        return totals

    def lineage(self, actor: User, run_id: str) -> Lineage:
        """Return where a run comes from and what it has started, as far as the actor may see those runs."""
        run = self._seen(actor, run_id)
        with self._db.read() as connection:
            owner_name = lineage.owner_name(connection, run.owner_id)
            source = lineage.source_of(connection, run.source_id) if run.source_id else None
            above = {run.parent.run_id if run.parent else "", run.origin_run_id or ""} - {""}
            found = repository.runs_by_id(connection, [*above, *lineage.all_inside(connection, run.id)])
        seen = {one.id: one for one in found if one.owner_id == actor.id or one.shared_at is not None}
        totals = self._usage.of_runs(list(seen)) if seen else {}
        return Lineage(
            owner_name,
            source,
            seen.get(run.parent.run_id) if run.parent else None,
            seen.get(run.origin_run_id or ""),
            tuple(replace(one, totals=totals[one.id]) for one in seen.values() if one.id not in above),
        )

    # --- the link --------------------------------------------------------------------------------

    def share(self, actor: User, run_id: str) -> Run:
        """Let everybody here who has the run's link look at it.

        Raises:
            NotFound: it is not the actor's.
            Forbidden: they look on only.
        """
        require(actor, "runs.start")
        return self._set_shared(actor, run_id, clock.now())

    def unshare(self, actor: User, run_id: str) -> Run:
        """Keep the run to its owner again; ``NotFound`` unless it is the actor's."""
        return self._set_shared(actor, run_id, None)

    # --- inside ----------------------------------------------------------------------------------

    def _set_shared(self, actor: User, run_id: str, at: datetime | None) -> Run:
        run = self._owned(actor, run_id)
        if (run.shared_at is None) != (at is None):
            with self._db.transaction() as connection:
                repository.set_shared(connection, run.id, at)
                action = "run.unshared" if at is None else "run.shared"
                self._audit.record(connection, actor, action, "run", run.id)
        return self.get(actor, run_id)

    def _owned(self, actor: User, run_id: str) -> Run:
        return self._found(actor, run_id, or_shared=False)

    def _seen(self, actor: User, run_id: str) -> Run:
        return self._found(actor, run_id, or_shared=True)

    def _found(self, actor: User, run_id: str, *, or_shared: bool) -> Run:
        with self._db.read() as connection:
            run = repository.run_of(connection, actor.id, run_id, or_shared=or_shared)
        if run is None:
            raise NotFound(what="run")
        return run
