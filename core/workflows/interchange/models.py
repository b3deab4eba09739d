"""What a workflow is as a file, what has to be chosen to import it, and what was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.engine.graph import Graph

Format = Literal["json", "yaml", "crewai"]


@dataclass(frozen=True)
class Bundle:
    """A workflow with what it refers to, by names that hold inside the file only.

    ``agents`` are the fields of ``AgentDefinition`` without ``key_id``: ``key`` names one of ``keys`` instead, and
    ``model`` or ``department`` may be missing. None stands for an agent that whoever exported could not see.
    ``keys`` have their provider, empty if unknown, ``workflows`` their name. ``notes`` say what was left out.
    """

    name: str
    description: str
    department: str
    graph: Graph
    agents: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    workflows: Mapping[str, str] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportPlan:
    """What an import would make, with a suggestion for each thing that has to be chosen; None where there is none.

    ``models`` are the agents of the file that say no model.
    """

    bundle: Bundle
    department: str | None
    agents: Mapping[str, str | None]
    keys: Mapping[str, str | None]
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What was chosen, each by its name in the file.

    An agent that is not among ``agents`` is made anew, on the key that was chosen for it and with the model in
    ``models`` if it says none. Workflows and people that are left out are left empty in the draft.
    """

    name: str = ""
    department: str = ""
    agents: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    workflows: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Exported:
    """A file to hand out."""

    name: str
    media_type: str
    content: bytes
