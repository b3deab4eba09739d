"""Which agents the graph of a run works with, wherever they stand in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.engine import settings


def agents_in(document: Mapping[str, Any]) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """Yield each agent of a run's graph: its id, None for one that stands in the graph only, and its definition."""
    for node in settings.rows(document, "nodes"):
        yield from _of_node(node)
        yield from _of_node(settings.group(node, "body"))


def _of_node(node: Mapping[str, Any]) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    if agent := settings.group(node, "agent"):
        yield settings.text(node, "agent_id") or None, agent
    agents = settings.group(node, "agents")
    for agent_id in agents:
        if agent := settings.group(agents, agent_id):
            yield agent_id, agent
