"""How workflows and their versions look in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.api.graph_shapes import GraphShown
from app.api.schemas import Id, Output
from core.sharing.models import Level
from core.workflows.models import Draft, Version, VersionFacts, Workflow


class WorkflowShown(Output):
    """A workflow without its graph.

    ``revision`` counts the changes of its draft, ``published_version`` is the one that runs; null until there is
    one. ``access`` says how far the caller's rights to it go.
    """

    id: Id
    owner_id: Id
    name: str
    department: str
    description: str
    revision: int
    draft_by: Id
    draft_by_name: str
    draft_at: datetime
    published_version: int | None
    archived_at: datetime | None
    access: Level
    is_owner: bool
    created_at: datetime
    updated_at: datetime


class DraftShown(WorkflowShown):
    """A workflow with its draft; ``is_published`` says whether what runs is the same."""

    graph: GraphShown
    is_published: bool


class VersionFactsShown(Output):
    """A published version without its graph."""

    version: int
    note: str
    created_by: Id
    created_by_name: str
    created_at: datetime


class VersionShown(VersionFactsShown):
    """A published version. It never changes."""

    graph: GraphShown


def workflow_shown(workflow: Workflow) -> WorkflowShown:
    """Show the facts of a workflow."""
    return WorkflowShown(**_facts(workflow))


def draft_shown(draft: Draft) -> DraftShown:
    """Show a workflow with its draft."""
    return DraftShown(**_facts(draft), graph=GraphShown(**draft.graph), is_published=draft.is_published)


def version_facts_shown(version: VersionFacts) -> VersionFactsShown:
    """Show the facts of a version."""
    return VersionFactsShown(**_version_facts(version))


def version_shown(version: Version) -> VersionShown:
    """Show a version."""
    return VersionShown(**_version_facts(version), graph=GraphShown(**version.graph))


def _facts(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "owner_id": workflow.owner_id,
        "name": workflow.name,
        "department": workflow.department,
        "description": workflow.description,
        "revision": workflow.revision,
        "draft_by": workflow.draft_by,
        "draft_by_name": workflow.draft_by_name,
        "draft_at": workflow.draft_at,
        "published_version": workflow.published_version,
        "archived_at": workflow.archived_at,
        "access": workflow.access.level,
        "is_owner": workflow.access.is_owner,
        "created_at": workflow.created_at,
        "updated_at": workflow.updated_at,
    }


def _version_facts(version: VersionFacts) -> dict[str, Any]:
    return {
        "version": version.number,
        "note": version.note,
        "created_by": version.created_by,
        "created_by_name": version.created_by_name,
        "created_at": version.created_at,
    }
