"""The SQL of workflows and their versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, or_, select, update

from core.db import Connection
from core.db.tables import users, workflow_versions, workflows
from core.workflows.models import Draft, Version, VersionFacts, Workflow, WorkflowFilter

# A list needs no graphs, and they are long.
_FACTS = tuple(column for column in workflows.c if column.name != "draft")
_VERSION_FACTS = tuple(column for column in workflow_versions.c if column.name != "graph")


def insert_workflow(connection: Connection, draft: Draft) -> None:
    """Add a workflow."""
    connection.execute(
        insert(workflows).values(
            id=draft.id,
            owner_id=draft.owner_id,
            department=draft.department,
            name=draft.name,
            description=draft.description,
            draft=dict(draft.graph),
            draft_revision=draft.revision,
            draft_by=draft.draft_by,
            draft_at=draft.draft_at,
            created_at=draft.created_at,
            updated_at=draft.updated_at,
        )
    )


def workflows_of(
    connection: Connection, owner_id: str, shared: Collection[str], wanted: WorkflowFilter
) -> list[Workflow]:
    """Return some of a person's workflows and those of the ids in ``shared``, last changed first."""
    query = _with_author(*_FACTS).where(
        or_(workflows.c.owner_id == owner_id, workflows.c.id.in_(shared)),
        workflows.c.deleted_at.is_(None),
        workflows.c.archived_at.is_not(None) if wanted.is_archived else workflows.c.archived_at.is_(None),
    )
    for word in wanted.words.lower().split():
        query = query.where(
            or_(
                func.lower(workflows.c.name).contains(word, autoescape=True),
                func.lower(workflows.c.description).contains(word, autoescape=True),
            )
        )
    if wanted.department is not None:
        query = query.where(workflows.c.department == wanted.department)
    rows = connection.execute(query.order_by(workflows.c.updated_at.desc(), workflows.c.id))
    return [Workflow(**_facts(row)) for row in rows]


def draft(connection: Connection, workflow_id: str) -> Draft | None:
    """Return one workflow with its draft; the caller has checked who may see it."""
    query = _with_author(*workflows.c).where(workflows.c.id == workflow_id, workflows.c.deleted_at.is_(None))
    row = connection.execute(query).first()
    return Draft(**_facts(row), graph=row.draft) if row else None


def facts(connection: Connection, workflow_id: str) -> Workflow | None:
    """Return one workflow without its draft; the caller has checked who may see it."""
    query = _with_author(*_FACTS).where(workflows.c.id == workflow_id, workflows.c.deleted_at.is_(None))
    row = connection.execute(query).first()
    return Workflow(**_facts(row)) if row else None


def owner_of(connection: Connection, workflow_id: str) -> str | None:
    """Return whose a workflow is; None when it is gone."""
    return connection.execute(
        select(workflows.c.owner_id).where(workflows.c.id == workflow_id, workflows.c.deleted_at.is_(None))
    ).scalar()


def save_draft(
    connection: Connection, workflow_id: str, graph: Mapping[str, Any], revision: int, by: str, at: datetime
) -> bool:
    """Save a draft that was made on top of ``revision``; False when somebody was faster."""
    return _change(
        connection,
        workflow_id,
        revision,
        draft=dict(graph),
        draft_revision=revision + 1,
        draft_by=by,
        draft_at=at,
        updated_at=at,
    )


def publish(
    connection: Connection,
    workflow_id: str,
    graph: Mapping[str, Any],
    revision: int,
    note: str,
    by: str,
    at: datetime,
) -> int | None:
    """Make ``graph`` the version that runs and return its number; None unless the draft is at ``revision``."""
    # The guarded change comes first: on PostgreSQL it holds the row, so that numbers follow each other.
    if not _change(connection, workflow_id, revision, updated_at=at):
        return None
    last = select(func.coalesce(func.max(workflow_versions.c.number), 0)).where(
        workflow_versions.c.workflow_id == workflow_id
    )
    number = int(connection.execute(last).scalar_one()) + 1
    connection.execute(
        insert(workflow_versions).values(
            workflow_id=workflow_id, number=number, graph=dict(graph), note=note, created_by=by, created_at=at
        )
    )
    connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(published_version=number))
    return number


def change(connection: Connection, workflow_id: str, **values: Any) -> None:
    """Change the facts of a workflow."""
    connection.execute(update(workflows).where(workflows.c.id == workflow_id).values(**values))


def versions(connection: Connection, workflow_id: str, before: int | None, limit: int) -> list[VersionFacts]:
    """Return the versions of a workflow, newest first, from the one before ``before`` on."""
    query = _with_publisher(*_VERSION_FACTS).where(workflow_versions.c.workflow_id == workflow_id)
    if before is not None:
        query = query.where(workflow_versions.c.number < before)
    rows = connection.execute(query.order_by(workflow_versions.c.number.desc()).limit(limit))
    return [VersionFacts(**_version_facts(row)) for row in rows]


def version(connection: Connection, workflow_id: str, number: int) -> Version | None:
    """Return one version; the caller has checked who may see it."""
    row = connection.execute(
        _with_publisher(*workflow_versions.c).where(
            workflow_versions.c.workflow_id == workflow_id, workflow_versions.c.number == number
        )
    ).first()
    return Version(**_version_facts(row), graph=row.graph) if row else None


def _change(connection: Connection, workflow_id: str, revision: int, **values: Any) -> bool:
    changed = connection.execute(
        update(workflows)
        .where(
            workflows.c.id == workflow_id, workflows.c.draft_revision == revision, workflows.c.deleted_at.is_(None)
        )
        .values(**values)
    )
    return changed.rowcount == 1


def _with_author(*columns: Any) -> Select[Any]:
    return select(*columns, users.c.name.label("author")).join(users, users.c.id == workflows.c.draft_by)


def _with_publisher(*columns: Any) -> Select[Any]:
    return select(*columns, users.c.name.label("author")).join(users, users.c.id == workflow_versions.c.created_by)


def _facts(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner_id": row.owner_id,
        "department": row.department,
        "name": row.name,
        "description": row.description,
        "revision": row.draft_revision,
        "draft_by": row.draft_by,
        "draft_by_name": row.author,
        "draft_at": row.draft_at,
        "published_version": row.published_version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "archived_at": row.archived_at,
    }


def _version_facts(row: Any) -> dict[str, Any]:
    return {
        "workflow_id": row.workflow_id,
        "number": row.number,
        "note": row.note,
        "created_by": row.created_by,
        "created_by_name": row.author,
        "created_at": row.created_at,
    }
