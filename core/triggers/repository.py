"""The SQL of triggers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update

from core.db import Connection
from core.db.sealed import is_sealed_with
from core.db.tables import triggers, users, workflows
from core.triggers.models import Trigger, TriggerDraft

_t = triggers.c


def insert_trigger(connection: Connection, trigger: Trigger, sealed: bytes) -> None:
    """Add a trigger."""
    connection.execute(
        insert(triggers).values(
            id=trigger.id,
            workflow_id=trigger.workflow_id,
            owner_id=trigger.owner_id,
            secret_sealed=sealed,
            created_at=trigger.created_at,
            updated_at=trigger.created_at,
            **values_of(trigger.draft),
        )
    )


def values_of(draft: TriggerDraft) -> dict[str, Any]:
    """Return what somebody has entered as columns."""
    return {
        "name": draft.name,
        "mapping": dict(draft.mapping),
        "budget_micros": draft.budget_micros,
        "stop_after_failures": draft.stop_after_failures,
    }


def lock(connection: Connection, trigger_id: str) -> None:
    """Let nobody else change a trigger until this transaction ends."""
    connection.execute(select(_t.id).where(_t.id == trigger_id).with_for_update())


def trigger(connection: Connection, trigger_id: str) -> Trigger | None:
    """Return one trigger."""
    row = connection.execute(_chosen().where(_t.id == trigger_id)).first()
    return _trigger(row) if row else None


def triggers_of(connection: Connection, workflow_id: str | None, owner_id: str | None) -> list[Trigger]:
    """Return the triggers of a workflow, of a person, or of both, newest first."""
    query = _chosen()
    if workflow_id is not None:
        query = query.where(_t.workflow_id == workflow_id)
    if owner_id is not None:
        query = query.where(_t.owner_id == owner_id)
    rows = connection.execute(query.order_by(_t.created_at.desc(), _t.id.desc()))
    return [_trigger(row) for row in rows]


def count_of(connection: Connection, workflow_id: str) -> int:
    """Return how many triggers a workflow has."""
    query = select(func.count()).select_from(triggers)
    return int(connection.execute(query.where(_t.workflow_id == workflow_id, _t.deleted_at.is_(None))).scalar_one())


def secret_of(connection: Connection, trigger_id: str) -> tuple[bytes | None, int]:
    """Return the sealed secret of a trigger and its version."""
    row = connection.execute(select(_t.secret_sealed, _t.secret_version).where(_t.id == trigger_id)).one()
    return row.secret_sealed, row.secret_version


def change(connection: Connection, trigger_id: str, revision: int | None = None, **values: Any) -> bool:
    """Set values on a trigger, if it is still at a revision; False when it is not, or gone."""
    query = update(triggers).where(_t.id == trigger_id, _t.deleted_at.is_(None))
    if revision is not None:
        query = query.where(_t.revision == revision)
    return connection.execute(query.values(revision=_t.revision + 1, **values)).rowcount == 1


def forget_sealed_with(connection: Connection, master_keys: Collection[int], at: datetime) -> int:
    """Forget secrets that were sealed with these master keys; return how many."""
    lost = is_sealed_with(_t.secret_sealed, master_keys)
    done = connection.execute(update(triggers).where(lost).values(secret_sealed=None, updated_at=at))
    return done.rowcount


def _chosen() -> Select[Any]:
    return (
        select(triggers, workflows.c.name.label("workflow_name"), users.c.name.label("owner_name"))
        .join(workflows, workflows.c.id == _t.workflow_id)
        .join(users, users.c.id == _t.owner_id)
        .where(_t.deleted_at.is_(None), workflows.c.deleted_at.is_(None))
    )


def _trigger(row: Any) -> Trigger:
    return Trigger(
        id=row.id,
        workflow_id=row.workflow_id,
        workflow_name=row.workflow_name,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        draft=TriggerDraft(row.name, row.mapping, row.budget_micros, row.stop_after_failures),
        has_secret=row.secret_sealed is not None,
        failures_in_row=row.failures_in_row,
        paused_at=row.paused_at,
        stopped_at=row.stopped_at,
        revision=row.revision,
        created_at=row.created_at,
    )
