"""What an agent is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.sharing.models import Access

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Paragraphs = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]


class AgentDefinition(BaseModel):
    """Everything a run needs to know of an agent; a copy goes into each run. Times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    department: str
    role: Line
    goal: Paragraphs
    backstory: Text = ""
    expected_output: Text = ""
    key_id: str
    model: Line
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    max_iterations: Annotated[int, Field(ge=1, le=50)] = 10
    max_output_tokens: Annotated[int, Field(ge=16, le=32_000)] = 1024
    time_limit_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    tools: tuple[str, ...] = ()
    # JSON Schema that its answers have to fit; core.agents.output_schema says which part of it.
    output_schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Agent:
    """A stored agent; ``revision`` counts its changes, ``access`` is that of the person who asked for it."""

    id: str
    owner_id: str
    definition: AgentDefinition
    revision: int
    created_at: datetime
    updated_at: datetime
    access: Access = field(default_factory=Access, compare=False)
