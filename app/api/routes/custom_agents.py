"""Agents: making, changing and running them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.revisions import IfMatch, check_match, etag
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Output, Page, Strings
from core.agents.models import Agent
from core.sharing.models import Level

router = new_router("custom-agents")

Reads = Annotated[Principal, caller("agents:read")]
Writes = Annotated[Principal, caller("agents:write")]

Line = Annotated[str, Field(min_length=1, max_length=200)]
Paragraphs = Annotated[str, Field(min_length=1, max_length=4000)]
Text = Annotated[str, Field(max_length=4000)]
Temperature = Annotated[float, Field(ge=0, le=2)]
Tools = Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=50)]


class AgentDraft(Input):
    """A new agent. Times are seconds."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    department: Annotated[str, Field(max_length=40, examples=["support"])]
    role: Line
    goal: Paragraphs
    backstory: Text = ""
    api_key_id: Id
    model: Line
    temperature: Temperature = 0.2
    max_iterations: Annotated[int, Field(ge=1, le=50)] = 10
    max_output_tokens: Annotated[int, Field(ge=16, le=32_000)] = 1024
    time_limit_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    tools: Tools = Field(default_factory=list)
    expected_output: Text = ""
    output_schema: Annotated[
        dict[str, Any] | None, Field(description="JSON Schema that answers have to fit; a part of it is supported.")
    ] = None


class AgentChange(Change, AgentDraft):
    """What to change of an agent."""


class AgentShown(Output):
    """An agent; ``revision`` counts its changes, ``access`` says how far the caller's rights to it go."""

    id: Id
    owner_id: Id
    name: str
    department: str
    role: str
    goal: str
    backstory: str
    api_key_id: Id
    model: str
    temperature: float
    max_iterations: int
    max_output_tokens: int
    time_limit_seconds: int
    tools: Strings
    expected_output: str
    output_schema: dict[str, Any] | None
    revision: int
    access: Level
    is_owner: bool
    created_at: datetime
    updated_at: datetime


@router.post("/custom-agents", status_code=201, responses=problems(404))
def create_agent(caller: Writes, body: AgentDraft, response: Response) -> AgentShown:
    """Make an agent."""
    agent = runtime.get_core().agents.create(caller.user, _fields(body.model_dump()))
    response.headers["Location"] = f"/api/v1/custom-agents/{agent.id}"
    return _shown(agent, response)


@router.get("/custom-agents")
def list_agents(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[AgentShown]:
    """Return the caller's agents and those shared with them, last changed first."""
    found, after = cut(runtime.get_core().agents.list(caller.user), query, lambda agent: agent.id)
    return Page(items=[_shown(agent) for agent in found], next=after)


@router.get("/custom-agents/{agent_id}", responses=problems(404))
def get_agent(caller: Reads, agent_id: Id, response: Response) -> AgentShown:
    """Return one agent, with its revision as ETag."""
    return _shown(runtime.get_core().agents.get(caller.user, agent_id), response)


@router.patch("/custom-agents/{agent_id}", responses=problems(404, 409, 412))
def change_agent(
    caller: Writes, agent_id: Id, body: AgentChange, response: Response, if_match: IfMatch = None
) -> AgentShown:
    """Change an agent. With If-Match it is changed only when nobody else did so since."""
    agents = runtime.get_core().agents
    agent = agents.get(caller.user, agent_id)
    check_match(if_match, agent.revision)
    fields = {**agent.definition.model_dump(), **_fields(body.model_dump(exclude_unset=True))}
    return _shown(agents.update(caller.user, agent_id, fields, agent.revision), response)


@router.delete("/custom-agents/{agent_id}", status_code=204, responses=problems(404))
def delete_agent(caller: Writes, agent_id: Id) -> None:
    """Delete an agent; its runs and their costs stay."""
    runtime.get_core().agents.delete(caller.user, agent_id)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    fields = dict(given)
    if "api_key_id" in fields:
        fields["key_id"] = fields.pop("api_key_id")
    return fields


def _shown(agent: Agent, response: Response | None = None) -> AgentShown:
    if response is not None:
        response.headers["ETag"] = etag(agent.revision)
    told = agent.definition.model_dump()
    return AgentShown(
        id=agent.id,
        owner_id=agent.owner_id,
        api_key_id=told.pop("key_id"),
        **told,
        revision=agent.revision,
        access=agent.access.level,
        is_owner=agent.access.is_owner,
        created_at=agent.created_at,
        updated_at=agent.updated_at,
    )
