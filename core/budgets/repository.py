"""The SQL of budgets, and of whom and what they can be for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, true, update

from core.budgets.models import Budget, Listener, Scope, Subject
from core.db import Connection
from core.db.tables import agents, budgets, departments, keys, users

ORGANISATION = Subject("organisation", "", "The organisation")


def change_limit(connection: Connection, budget_id: str, limit_micros: int, set_by: str) -> None:
    """Set another limit."""
    connection.execute(
        update(budgets).where(budgets.c.id == budget_id).values(limit_micros=limit_micros, set_by=set_by)
    )


def delete_budget(connection: Connection, budget_id: str) -> None:
    """Delete a budget; its windows went before."""
    connection.execute(delete(budgets).where(budgets.c.id == budget_id))


def budget(connection: Connection, budget_id: str) -> Budget | None:
    """Return one budget; those of runs are the run's own matter."""
    row = connection.execute(select(budgets).where(budgets.c.id == budget_id, budgets.c.scope != "run")).first()
    return _budget(row) if row else None


def all_budgets(connection: Connection) -> list[Budget]:
    """Return every budget but those of runs."""
    rows = connection.execute(select(budgets).where(budgets.c.scope != "run").order_by(budgets.c.id))
    return [_budget(row) for row in rows]


def budgets_of(connection: Connection, scope: Scope, scope_id: str) -> list[Budget]:
    """Return the budgets of one department, person, key or agent."""
    rows = connection.execute(
        select(budgets).where(budgets.c.scope == scope, budgets.c.scope_id == scope_id).order_by(budgets.c.id)
    )
    return [_budget(row) for row in rows]


def subject(connection: Connection, scope: Scope, scope_id: str) -> Subject | None:
    """Return whom or what a budget is for; None when it is gone."""
    return subjects(connection, scope, [scope_id]).get(scope_id)


def subjects(connection: Connection, scope: Scope, ids: Collection[str]) -> dict[str, Subject]:
    """Return those of these ids that are there."""
    if scope == "organisation":
        return {"": ORGANISATION}
    found = {
        "department": lambda: _departments(connection, departments.c.slug.in_(ids)),
        "person": lambda: _people(connection, users.c.id.in_(ids)),
        "key": lambda: _keys(connection, keys.c.id.in_(ids)),
        "agent": lambda: _agents(connection, agents.c.id.in_(ids)),
    }[scope]()
    return {subject.id: subject for subject in found}


def all_departments(connection: Connection) -> list[Subject]:
    """Return the departments in their order."""
    return _departments(connection, true())


def active_people(connection: Connection, department: str | None = None) -> list[Subject]:
    """Return the active people, or those of one department, by name."""
    return _people(connection, users.c.is_active, users.c.department == department if department else true())


def keys_of(connection: Connection, owner_id: str, *, with_pool: bool) -> list[Subject]:
    """Return a person's own keys, and those of the pool."""
    own = and_(keys.c.owner_id == owner_id, keys.c.is_pool.is_(False))
    return _keys(connection, or_(own, keys.c.is_pool) if with_pool else own)


def agents_of(connection: Connection, owner_id: str | None) -> list[Subject]:
    """Return a person's agents, or everybody's."""
    return _agents(connection, agents.c.owner_id == owner_id if owner_id else true())


def concerned(connection: Connection, subject: Subject, set_by: str) -> list[Listener]:
    """Return the active people who are told about a budget: those who spend, and those who can act."""
    c = users.c
    admins, managers = c.role == "admin", and_(c.role == "manager", c.department == subject.department)
    whose = {
        "organisation": admins,
        "department": or_(admins, managers),
        "key": admins if subject.is_pool else c.id == subject.owner_id,
    }.get(subject.scope, c.id == subject.owner_id)
    rows = connection.execute(
        select(c.id, c.email).where(c.is_active, or_(whose, c.id == set_by)).order_by(c.created_at, c.id)
    )
    return [Listener(row.id, row.email) for row in rows]


def _departments(connection: Connection, *wanted: ColumnElement[bool]) -> list[Subject]:
    c = departments.c
    rows = connection.execute(select(c.slug, c.name).where(*wanted).order_by(c.position))
    return [Subject("department", row.slug, row.name, department=row.slug) for row in rows]


def _people(connection: Connection, *wanted: ColumnElement[bool]) -> list[Subject]:
    c = users.c
    rows = connection.execute(
        select(c.id, c.name, c.department, c.role).where(*wanted).order_by(func.lower(c.name), c.id)
    )
    return [Subject("person", row.id, row.name, row.id, row.name, row.department, row.role) for row in rows]


def _keys(connection: Connection, *wanted: ColumnElement[bool]) -> list[Subject]:
    c = keys.c
    rows = connection.execute(
        select(c.id, c.name, c.owner_id, c.is_pool, users.c.name.label("owner_name"))
        .join(users, users.c.id == c.owner_id)
        .where(*wanted, c.deleted_at.is_(None))
        .order_by(func.lower(c.name), c.id)
    )
    return [Subject("key", row.id, row.name, row.owner_id, row.owner_name, is_pool=row.is_pool) for row in rows]


def _agents(connection: Connection, *wanted: ColumnElement[bool]) -> list[Subject]:
    c = agents.c
    rows = connection.execute(
        select(c.id, c.name, c.owner_id, users.c.name.label("owner_name"))
        .join(users, users.c.id == c.owner_id)
        .where(*wanted, c.deleted_at.is_(None))
        .order_by(func.lower(c.name), c.id)
    )
    return [Subject("agent", row.id, row.name, row.owner_id, row.owner_name) for row in rows]


def _budget(row: Any) -> Budget:
    return Budget(row.id, row.scope, row.scope_id, row.period, row.limit_micros, row.set_by, row.created_at)
