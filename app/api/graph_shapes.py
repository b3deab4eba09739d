"""How graphs, and what is wrong with them, look in JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from app.api.schemas import Input, Output
from core.engine.graph import MAX_EDGES, MAX_ID, MAX_NODES
from core.engine.problems import Problem

NODE: Mapping[str, Any] = {"id": "answer", "kind": "agent", "agent_id": "agent_01jd8x…", "task": "Answer {{text}}"}
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
        return self.model_dump()


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


def problems_shown(found: tuple[Problem, ...]) -> Problems:
    """Show problems."""
    return Problems(items=[ProblemShown.model_validate(problem) for problem in found])
