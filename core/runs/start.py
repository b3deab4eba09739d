"""What a run is made of: an agent, a graph with a title, or a run that went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.agents.models import Agent
from core.runs.models import Parent


@dataclass(frozen=True)
class Origin:
    """How a run is called, and what it belongs to; ``retry_of`` is the run that it repeats.

    ``source_id`` is the firing that wants it, ``parent`` the node of another run, ``origin_run_id`` the run whose
    results it takes over.
    """

    title: str
    agent_id: str | None = None
    department: str | None = None
    retry_of: str | None = None
    workflow_id: str | None = None
    workflow_version: int | None = None
    is_test: bool = False
    source_id: str | None = None
    parent: Parent | None = None
    origin_run_id: str | None = None


def origin_of(agent: Agent) -> Origin:
    """Return the origin of a run of one agent."""
    return Origin(agent.definition.name, agent.id, agent.definition.department)


def one_node(agent: Agent) -> Mapping[str, Any]:
    """Return the graph of a run of one agent."""
    node = {
        "id": "agent",
        "kind": "agent",
        "agent_id": agent.id,
        "agent": agent.definition.model_dump(mode="json"),
        "task": "{{input}}",
    }
    return {"nodes": [node], "edges": []}


def title_of(given: str) -> str:
    """Return what somebody typed as a title of one line."""
    return " ".join(given.split())[:120] or "Workflow"


def key_ids_in(graph: Any) -> frozenset[str]:
    """Return the keys that the agents in a run's graph work with, wherever they stand in it."""
    return frozenset(_key_ids(graph))


def _key_ids(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("key_id"), str):
            yield value["key_id"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _key_ids(inner)
