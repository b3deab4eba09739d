"""How graphs, and what is wrong with them, look in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app.api.schemas import Input, Output
from core.agents.models import AgentDefinition
from core.engine.graph import MAX_EDGES, MAX_ID, MAX_NODES
from core.engine.problems import Problem

NODE: Mapping[str, Any] = {"id": "answer", "kind": "agent", "agent_id": "agent_01jd8x…", "task": "Answer {{text}}"}
# Those of ``POST /custom-agents``: an agent that is used in one place only may stand in the node itself.
AGENT_FIELDS = (
    "api_key_id",
    *(name for name in AgentDefinition.model_fields if name not in ("name", "department")),
)
NodeId = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=r"^[\w-]+$", examples=["answer"])]


class NodeSent(Input):
    """A node; what else it has depends on its kind. ``label`` is what people call it."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [dict(NODE)]})

    id: NodeId
    kind: Annotated[str, Field(min_length=1, max_length=MAX_ID, examples=["agent"])]


class EdgeSent(Input):
    """``target`` comes after ``source``, where that went the way ``when``: the ordinary one without it."""

    source: NodeId
    target: NodeId
    when: Annotated[str, Field(max_length=MAX_ID)] = ""


class GraphSent(Input):
    """A graph as it is drawn; it may still be wrong."""

    nodes: Annotated[list[NodeSent], Field(max_length=MAX_NODES)]
    edges: Annotated[list[EdgeSent], Field(max_length=MAX_EDGES)] = Field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as the core reads it."""
        sent = self.model_dump()
        return {**sent, "nodes": [_as_stored(node) for node in sent["nodes"]]}


class GraphShown(Output):
    """A graph."""

    nodes: Annotated[list[dict[str, Any]], Field(examples=[[dict(NODE)]])]
    edges: list[dict[str, str]]


class ProblemShown(Output):
    """Something that keeps a graph from running; with ``target`` it is about the edge from the node to there."""

    code: Annotated[str, Field(examples=["agent_missing"])]
    sentence: str
    node_id: str | None
    field: str | None
    target: str | None


class Problems(Output):
    """Everything that keeps a graph from running; nothing when it could."""

    items: list[ProblemShown]


def _as_stored(node: Mapping[str, Any]) -> dict[str, Any]:
    """Put the fields of an agent that stand in its node itself where the core keeps them, and with its names."""
    found = dict(node)
    if isinstance(body := found.get("body"), dict):  # of a node that does something with each entry
        found["body"] = _as_stored(body)
    if found.get("kind") != "agent":
        return found
    if "agent" not in found and not found.get("agent_id"):
        own = {name: found.pop(name) for name in AGENT_FIELDS if name in found}
        found |= {"is_inline": True, "agent": own} if own else {}
    agent = found.get("agent")
    if isinstance(agent, dict) and "api_key_id" in agent:
        found["agent"] = {**{k: v for k, v in agent.items() if k != "api_key_id"}, "key_id": agent["api_key_id"]}
    return found


def problems_shown(found: tuple[Problem, ...]) -> Problems:
    """Show problems."""
    return Problems(items=[ProblemShown.model_validate(problem) for problem in found])
