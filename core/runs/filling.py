"""Finds what a graph only names, for the person who starts a run of it: the run keeps copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.accounts.models import User
from core.agents.service import Agents, parse_definition
from core.engine.graph import Graph
from core.engine.nodes.registry import kind_of
from core.keys.service import Keys
from core.workflows.service import Workflows


class Filling:
    """Looks up agents and workflows that somebody may run; ``department`` is that of agents that have none."""

    def __init__(self, actor: User, department: str, agents: Agents, keys: Keys, workflows: Workflows) -> None:
        """Ask the nouns in the name of ``actor``."""
        self._actor = actor
        self._department = department
        self._agents = agents
        self._keys = keys
        self._workflows = workflows

    def agent(self, agent_id: str) -> Mapping[str, Any]:
        """Return the definition of an agent; raises ``NotFound``, ``Forbidden`` or ``KeyNotShared``."""
        return self._agents.to_run(self._actor, agent_id).definition.model_dump(mode="json")

    def inline_agent(self, fields: Mapping[str, Any], title: str) -> Mapping[str, Any]:
        """Return the definition of an agent that stands in the graph itself.

        Raises:
            Invalid: it is not complete.
            NotFound, KeyNotShared: the person may not run on its key.
        """
        definition = parse_definition({"name": title, "department": self._department, **fields})
        self._keys.require_usable(self._actor, definition.key_id)
        return definition.model_dump(mode="json")

    def workflow(self, workflow_id: str) -> int:
        """Return the number of a workflow's published version; raises what ``Workflows.to_run`` raises."""
        version = self._workflows.to_run(self._actor, workflow_id).version
        assert version is not None  # noqa: S101 - only a test of a draft has none
        return version

    def fill(self, graph: Graph) -> Graph:
        """Return a graph whose nodes have copies of what they name; raises ``CoreError``."""
        nodes = tuple(replace(node, config=kind_of(node).prepare(node, self)) for node in graph.nodes)
        return Graph(nodes, graph.edges)
