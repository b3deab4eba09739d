"""Says before a run what it may cost: from the last runs or, without any, from the first calls of its agents."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence

from core import clock
from core.accounts.models import User
from core.agents.models import AgentDefinition
from core.agents.service import Agents
from core.db import Database
from core.engine.graph import parse_graph, read_graph
from core.engine.graph_agents import agents_in
from core.keys.service import Keys
from core.llm.pricing import Tokens
from core.prices.service import Prices
from core.runs import repository
from core.runs.filling import Filling
from core.runs.models import Estimate, Run
from core.tools.registry import all_tools
from core.usage.service import Usage
from core.workflows.models import Runnable
from core.workflows.references import references
from core.workflows.service import Workflows

LAST_RUNS = 10
# So deep are workflows in workflows looked into.
MAX_NESTED = 10
# What CrewAI writes around a role, a goal and a task; measured, and rounded up.
FRAME_BYTES = 2000


class Estimates:
    """Estimates that bind nobody: a limit does."""

    def __init__(
        self, db: Database, agents: Agents, workflows: Workflows, keys: Keys, prices: Prices, usage: Usage
    ) -> None:
        """Look at agents and workflows, at prices and at what earlier runs have cost."""
        self._db = db
        self._agents = agents
        self._workflows = workflows
        self._keys = keys
        self._prices = prices
        self._usage = usage

    def of_agent_run(self, actor: User, agent_id: str, text: str = "") -> Estimate:
        """Return what running an agent on a text may cost.

        Raises:
            NotFound: the agent is a stranger's.
        """
        agent = self._agents.get(actor, agent_id)
        return self._of(agent.id, agent.definition, text)

    def of_workflow_run(self, actor: User, workflow_id: str, version: int | None = None) -> Estimate:
        """Return what running a workflow, or an older version of it, may cost.

        Until a run of it has succeeded, each agent counts once: a branch may leave it out, a list may repeat it.

        Raises:
            NotFound, Forbidden, KeyNotShared, NotPublished, WorkflowArchived: it would not start for the actor.
        """
        runnable = self._workflows.to_run(actor, workflow_id, version)
        with self._db.read() as connection:
            run_ids = repository.last_of_workflow(connection, workflow_id, LAST_RUNS)
        return self._of_runs(run_ids) or self._of_graph(actor, runnable, MAX_NESTED)

    def after_node(self, run: Run, node_id: str) -> int | None:
        """Return about what the agents after a node of a run may cost, in micro-dollars; None if nobody knows.

        Each agent counts once, though a branch may leave it out and a list may repeat it; a workflow counts by its
        last runs.
        """
        with self._db.read() as connection:
            task = repository.task(connection, run.id)
        if task is None:
            return None
        graph = read_graph(task.graph)
        following = graph.downstream_of(node_id)
        document = {"nodes": [node.document() for node in graph.nodes if node.id in following]}
        parts = [
            self._of(agent_id, AgentDefinition.model_validate(definition), "").micros
            for agent_id, definition in agents_in(document)
        ]
        for reference in references(read_graph(document)):
            if reference.kind == "workflow":
                parts.append(self._of_last(reference.id))
        return _sum(parts)

    def _of_last(self, workflow_id: str) -> int | None:
        with self._db.read() as connection:
            run_ids = repository.last_of_workflow(connection, workflow_id, LAST_RUNS)
        found = self._of_runs(run_ids)
        return found.micros if found else None

    def _of(self, agent_id: str | None, definition: AgentDefinition, text: str) -> Estimate:
        run_ids: list[str] = []
        if agent_id is not None:
            with self._db.read() as connection:
                run_ids = repository.last_succeeded(connection, agent_id, LAST_RUNS)
        if found := self._of_runs(run_ids):
            return found
        most = self._first_call(definition, text)
        return Estimate(most, most, 0)

    def _of_runs(self, run_ids: Sequence[str]) -> Estimate | None:
        totals = self._usage.of_runs(run_ids)
        costs = [t.known_cost_micros for t in totals.values() if not t.unpriced_calls]
        known = [cost for cost in costs if cost is not None]
        return Estimate(int(statistics.median(known)), max(known), len(known)) if known else None

    def _of_graph(self, actor: User, runnable: Runnable, depth: int) -> Estimate:
        """Add up the agents of a graph, and of the workflows inside it."""
        filling = Filling(actor, runnable.workflow.department, self._agents, self._keys, self._workflows)
        document = filling.fill(parse_graph(runnable.graph)).document()
        parts = [
            self._of(agent_id, AgentDefinition.model_validate(definition), "")
            for agent_id, definition in agents_in(document)
        ]
        for reference in references(read_graph(document)) if depth else ():
            if reference.kind == "workflow":
                parts.append(self._of_graph(actor, self._workflows.to_run(actor, reference.id), depth - 1))
        return Estimate(_sum(part.micros for part in parts), _sum(part.most_micros for part in parts), 0)

    def _first_call(self, definition: AgentDefinition, text: str) -> int | None:
        priced = self._keys.priced(definition.key_id)
        if priced is None:
            return None
        provider, own = priced
        bound = Tokens(_request_bytes(definition, text), definition.max_output_tokens)
        with self._db.read() as connection:
            price = self._prices.price(connection, provider, definition.model, own, clock.now())
        return price.at_most(bound).cost_of(bound).micros


def _sum(parts: Iterable[int | None]) -> int | None:
    """Return the sum; None where one part is unknown."""
    known = list(parts)
    return None if None in known else sum(part for part in known if part is not None)


def _request_bytes(definition: AgentDefinition, text: str) -> int:
    """Return about how many bytes the first request has; a text never has more tokens than bytes."""
    words = (definition.role, definition.goal, definition.backstory, definition.expected_output, text)
    tools = [all_tools()[name] for name in definition.tools]
    schemas = [tool.description + json.dumps(tool.arguments.model_json_schema()) for tool in tools]
    return FRAME_BYTES + sum(len(part.encode()) for part in (*words, *schemas))
