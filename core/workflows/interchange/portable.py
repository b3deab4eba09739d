"""Takes a workflow out of this installation: its ids become names that mean nothing elsewhere. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from core.agents.models import AgentDefinition
from core.engine.graph import Graph, Node
from core.workflows.failures import ExportRefused
from core.workflows.interchange.models import Bundle
from core.workflows.interchange.places import Thing, exchanged, unknown_kinds
from core.workflows.models import Workflow

MAX_LOCAL = 40


class LocalNames:
    """Gives things names of their own in a file: after what people call them, and never twice the same."""

    def __init__(self) -> None:
        """Begin without any."""
        self._by_id: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, thing_id: str, title: str) -> str:
        """Return the name of a thing; the first time it is made from ``title``."""
        if thing_id not in self._by_id:
            first = re.sub(r"\W+", "_", title.lower()).strip("_")[:MAX_LOCAL] or "one"
            name, count = first, 1
            while name in self._taken:
                count += 1
                name = f"{first}_{count}"
            self._taken.add(name)
            self._by_id[thing_id] = name
        return self._by_id[thing_id]


def bundled(
    workflow: Workflow,
    graph: Graph,
    *,
    agent: Callable[[str], AgentDefinition | None],
    provider: Callable[[str], str],
    title: Callable[[str], str],
) -> Bundle:
    """Return a workflow as a file has it.

    Args:
        workflow: its name, description and department.
        graph: what it does.
        agent: the definition of an agent, None for one that cannot be seen.
        provider: the provider of a key, empty for one that cannot be seen.
        title: the name of another workflow, empty likewise.

    Raises:
        ExportRefused: it has a node of an unknown kind.
    """
    if unknown := unknown_kinds(graph):
        raise ExportRefused(f"{unknown[0]} is of an unknown kind.")
    of = {thing: LocalNames() for thing in ("agent", "key", "workflow", "person")}
    agents: dict[str, Mapping[str, Any] | None] = {}
    keys: dict[str, str] = {}
    workflows: dict[str, str] = {}
    people: dict[str, None] = {}

    def key(key_id: str) -> str:
        name = of["key"].of(key_id, "key_1" if not keys else f"key_{len(keys) + 1}")
        keys.setdefault(name, provider(key_id))
        return name

    def exchange(_: Node, thing: Thing, thing_id: str) -> str:
        match thing:
            case "agent":
                definition = agent(thing_id)
                name = of[thing].of(thing_id, definition.name if definition else thing)
                if name not in agents:
                    agents[name] = _fields(definition, key) if definition else None
            case "key":
                name = key(thing_id)
            case "workflow":
                name = of[thing].of(thing_id, title(thing_id) or thing)
                workflows.setdefault(name, title(thing_id))
            case "person":
                # Who it is stays here.
                name = of[thing].of(thing_id, f"{thing}_{len(people) + 1}")
                people.setdefault(name)
        return name

    exported = exchanged(graph, exchange)
    return Bundle(
        name=workflow.name,
        description=workflow.description,
        department=workflow.department,
        graph=exported,
        agents=agents,
        keys=keys,
        workflows=workflows,
        people=tuple(people),
    )


def _fields(definition: AgentDefinition, key: Callable[[str], str]) -> dict[str, Any]:
    fields = definition.model_dump(mode="json", exclude_none=True)
    return {**{name: value for name, value in fields.items() if name != "key_id"}, "key": key(definition.key_id)}
