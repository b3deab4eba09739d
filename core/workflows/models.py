"""What a workflow looks like: its facts, its draft, and the versions that were published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.sharing.models import Access

MAX_NAME = 80
MAX_DESCRIPTION = 4000
MAX_NOTE = 200
# So many versions are listed at once.
VERSIONS_LIMIT = 200

# What a new workflow begins with, so that it can be tried out at once.
BEGINNING: Mapping[str, Any] = {
    "nodes": [
        {
            "id": "input",
            "kind": "input",
            "label": "Input",
            "fields": [{"name": "text", "type": "text", "help": "", "is_required": True}],
            "position": {"x": 0.0, "y": 0.0},
        },
        {
            "id": "output",
            "kind": "output",
            "label": "Output",
            "name": "answer",
            "format": "text",
            "value": "",
            "position": {"x": 480.0, "y": 0.0},
        },
    ],
    "edges": [{"source": "input", "target": "output"}],
}


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """The facts of a workflow; ``access`` is that of the person who asked for it.

    ``revision`` counts the changes of its draft, ``draft_by_name`` made the last one. ``published_version`` is the
    one that runs; None until one is published.
    """

    id: str
    owner_id: str
    department: str
    name: str
    description: str
    revision: int
    draft_by: str
    draft_by_name: str
    draft_at: datetime
    published_version: int | None
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    access: Access = field(default_factory=Access, compare=False)


@dataclass(frozen=True, kw_only=True)
class Draft(Workflow):
    """A workflow with what is being edited; ``graph`` may be wrong, and need not be what runs."""

    graph: Mapping[str, Any]
    # Whether the published version is the same.
    is_published: bool = False


@dataclass(frozen=True, kw_only=True)
class VersionFacts:
    """A published version, without what it does."""

    workflow_id: str
    number: int
    note: str
    created_by: str
    created_by_name: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Version(VersionFacts):
    """A published version; it never changes."""

    graph: Mapping[str, Any]


@dataclass(frozen=True)
class Runnable:
    """What a run of a workflow executes; without ``version`` it is the draft, for a test."""

    workflow: Workflow
    graph: Mapping[str, Any]
    version: int | None


@dataclass(frozen=True)
class WorkflowFilter:
    """Which workflows are asked for: archived ones or the others, with all ``words``, of a department."""

    is_archived: bool = False
    words: str = ""
    department: str | None = None
