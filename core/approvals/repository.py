"""The SQL of approvals, and of the people who may decide them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update

from core.accounts.models import User
from core.approvals.models import (
    DECIDING_ROLES,
    Approval,
    Approver,
    Editable,
    Filter,
    Page,
    Reader,
    Shown,
    Summary,
)
from core.db import Connection
from core.db.tables import approvals, departments, runs, users

_ACTIVE = ("queued", "running", "waiting")
_asker, _decider, _person = users.alias("asker"), users.alias("decider"), users.alias("person")
# A list needs none of them, and they are long.
_LONG = frozenset({"message", "data", "editable", "comment", "value"})


def lock_run(connection: Connection, run_id: str) -> bool:
    """Whether a run is active; it and its approvals stay as they are until this transaction ends.

    Always before an approval's row is changed: the end of a run changes them in this order too.
    """
    row = connection.execute(select(runs.c.status).where(runs.c.id == run_id).with_for_update()).first()
    return row is not None and row.status in _ACTIVE


def add(connection: Connection, **values: Any) -> None:
    """Add an approval of a run that the caller has locked."""
    connection.execute(insert(approvals).values(**values))


def change(connection: Connection, approval_id: str, wanted: Collection[str], **values: Any) -> bool:
    """Set values on an approval that is in one of the ``wanted`` states; False when it is not."""
    statement = update(approvals).where(approvals.c.id == approval_id, approvals.c.status.in_(wanted))
    return connection.execute(statement.values(**values)).rowcount == 1


def close_of_run(connection: Connection, run_id: str, wanted: Collection[str], at: datetime) -> int:
    """Close the approvals of a run that are in one of the ``wanted`` states; return how many."""
    statement = update(approvals).where(approvals.c.run_id == run_id, approvals.c.status.in_(wanted))
    at_the_end = func.coalesce(approvals.c.decided_at, at)
    return connection.execute(statement.values(status="closed", decided_at=at_the_end)).rowcount


def by_node(connection: Connection, run_id: str, node_id: str) -> Approval | None:
    """Return what a node has asked."""
    return _one(connection, approvals.c.run_id == run_id, approvals.c.node_id == node_id)


def by_id(connection: Connection, approval_id: str) -> Approval | None:
    """Return one approval, whoever may see it."""
    return _one(connection, approvals.c.id == approval_id)


def seen_by(connection: Connection, actor: User, approval_id: str) -> Approval | None:
    """Return an approval that the actor is asked, has asked or has decided."""
    sees = or_(_is_asked(actor), runs.c.owner_id == actor.id, approvals.c.decided_by == actor.id)
    return _one(connection, approvals.c.id == approval_id, sees)


def page(
    connection: Connection, actor: User, wanted: Filter, before: tuple[datetime, str] | None, limit: int
) -> Page:
    """Return what the actor is asked or has asked, newest first, from the one after ``before`` on."""
    columns = (column for column in approvals.c if column.name not in _LONG)
    query = _joined(*columns).where(_of(actor, wanted))
    if before is not None:
        at, approval_id = before
        is_older = or_(
            approvals.c.created_at < at, and_(approvals.c.created_at == at, approvals.c.id < approval_id)
        )
        query = query.where(is_older)
    rows = connection.execute(
        query.order_by(approvals.c.created_at.desc(), approvals.c.id.desc()).limit(limit + 1)
    ).all()
    return Page(tuple(Summary(**_summary(row)) for row in rows[:limit]), len(rows) > limit)


def count(connection: Connection, actor: User, wanted: Filter) -> int:
    """Return how many approvals ``page`` would find."""
    query = select(func.count()).select_from(approvals.join(runs, runs.c.id == approvals.c.run_id))
    return int(connection.execute(query.where(_of(actor, wanted))).scalar_one())


def deciders(connection: Connection, approver: Approver, but: str | None, limit: int) -> list[Reader]:
    """Return the active people who may decide, by name; never the person ``but``."""
    by_kind = {
        "person": users.c.id == approver.id,
        "role": and_(users.c.role == approver.id, users.c.role.in_(DECIDING_ROLES)),
        "department": and_(users.c.department == approver.id, users.c.role.in_(DECIDING_ROLES)),
    }
    query = select(users.c.id, users.c.email).where(users.c.is_active, by_kind[approver.kind])
    if but is not None:
        query = query.where(users.c.id != but)
    rows = connection.execute(query.order_by(func.lower(users.c.name), users.c.id).limit(limit))
    return [Reader(row.id, row.email) for row in rows]


def name_of(connection: Connection, approver: Approver) -> str:
    """Return what people call whoever is asked."""
    named = {
        "person": select(users.c.name).where(users.c.id == approver.id),
        "department": select(departments.c.name).where(departments.c.slug == approver.id),
    }.get(approver.kind)
    found = None if named is None else connection.execute(named).scalar()
    return found or approver.id


def asker_of(connection: Connection, run_id: str) -> Reader | None:
    """Return who started a run, if they are active."""
    query = select(users.c.id, users.c.email).join(runs, runs.c.owner_id == users.c.id)
    row = connection.execute(query.where(runs.c.id == run_id, users.c.is_active)).first()
    return Reader(row.id, row.email) if row else None


def first_due_at(connection: Connection) -> datetime | None:
    """Return when the next open approval expires, or its people are to be reminded."""
    is_open = approvals.c.status == "open"
    expires = select(func.min(approvals.c.expires_at)).where(is_open)
    reminds = select(func.min(approvals.c.remind_at)).where(is_open, approvals.c.reminded_at.is_(None))
    moments = (connection.execute(expires).scalar(), connection.execute(reminds).scalar())
    return min((at for at in moments if at is not None), default=None)


def due(connection: Connection, at: datetime, limit: int) -> list[tuple[str, str]]:
    """Return ids and runs of open approvals that have expired by ``at``, or want a reminder."""
    wants_reminder = and_(approvals.c.remind_at <= at, approvals.c.reminded_at.is_(None))
    rows = connection.execute(
        select(approvals.c.id, approvals.c.run_id)
        .where(approvals.c.status == "open", or_(approvals.c.expires_at <= at, wants_reminder))
        .order_by(approvals.c.created_at)
        .limit(limit)
    )
    return [(row.id, row.run_id) for row in rows]


def _of(actor: User, wanted: Filter) -> ColumnElement[bool]:
    if wanted.asked:
        whose = runs.c.owner_id == actor.id
    else:
        is_own = and_(approvals.c.is_other_person, runs.c.owner_id == actor.id)
        whose = or_(and_(_is_asked(actor), ~is_own), approvals.c.decided_by == actor.id)
    return and_(whose, approvals.c.status.in_(wanted.statuses)) if wanted.statuses else whose


def _is_asked(actor: User) -> ColumnElement[bool]:
    """Whether the actor belongs to those who are asked; ``core.approvals.approvers`` says the same in Python."""
    kind, approver = approvals.c.approver_kind, approvals.c.approver_id
    conditions = [and_(kind == "person", approver == actor.id)]
    if actor.role in DECIDING_ROLES:
        conditions.append(and_(kind == "role", approver == actor.role))
        if actor.department is not None:
            conditions.append(and_(kind == "department", approver == actor.department))
    return or_(*conditions)


def _one(connection: Connection, *conditions: ColumnElement[bool]) -> Approval | None:
    row = connection.execute(_joined(*approvals.c).where(*conditions)).first()
    if row is None:
        return None
    return Approval(
        **_summary(row),
        message=row.message,
        data=tuple(Shown(**shown) for shown in row.data),
        edit=Editable(**row.editable) if row.editable else None,
        cost_micros=row.cost_micros,
        estimate_micros=row.estimate_micros,
        comment=row.comment,
        value=row.value,
        reminded_at=row.reminded_at,
    )


def _joined(*columns: Any) -> Select[Any]:
    return (
        select(
            *columns,
            runs.c.title.label("run_title"),
            runs.c.owner_id,
            _asker.c.name.label("asker"),
            _decider.c.name.label("decider"),
            _person.c.name.label("person_name"),
            departments.c.name.label("department_name"),
        )
        .join(runs, runs.c.id == approvals.c.run_id)
        .join(_asker, _asker.c.id == runs.c.owner_id)
        .outerjoin(_decider, _decider.c.id == approvals.c.decided_by)
        .outerjoin(_person, and_(approvals.c.approver_kind == "person", _person.c.id == approvals.c.approver_id))
        .outerjoin(
            departments,
            and_(approvals.c.approver_kind == "department", departments.c.slug == approvals.c.approver_id),
        )
    )


def _summary(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "run_id": row.run_id,
        "node_id": row.node_id,
        "run_title": row.run_title,
        "asker_id": row.owner_id,
        "asker": row.asker,
        "title": row.title,
        "approver": Approver(row.approver_kind, row.approver_id),
        "approver_name": row.person_name or row.department_name or row.approver_id,
        "is_other_person": row.is_other_person,
        "status": row.status,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "decided_at": row.decided_at,
        "decider_id": row.decided_by,
        "decider": row.decider or "",
    }
