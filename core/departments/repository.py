"""The SQL of departments."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.db import Connection
from core.db.tables import departments
from core.departments.models import Department


def all_departments(connection: Connection) -> list[Department]:
    """Return every department in its fixed order."""
    rows = connection.execute(select(departments).order_by(departments.c.position, departments.c.slug)).all()
    return [Department(row.slug, row.name, position) for position, row in enumerate(rows, start=1)]


def lock_all(connection: Connection) -> list[Department]:
    """Return every department in its order; nobody else changes one until this transaction ends."""
    connection.execute(select(departments.c.slug).order_by(departments.c.slug).with_for_update(key_share=True))
    return all_departments(connection)


def insert_department(connection: Connection, department: Department) -> bool:
    """Add a department; False when somebody has just added the same one. The transaction is over then."""
    try:
        connection.execute(
            insert(departments).values(slug=department.slug, name=department.name, position=department.position)
        )
    except IntegrityError:
        return False
    return True


def rename(connection: Connection, slug: str, name: str) -> None:
    """Give a department another name."""
    connection.execute(update(departments).where(departments.c.slug == slug).values(name=name))


def put_in_order(connection: Connection, slugs: Sequence[str]) -> None:
    """Number the departments in this order."""
    for position, slug in enumerate(slugs, start=1):
        connection.execute(update(departments).where(departments.c.slug == slug).values(position=position))


def delete_department(connection: Connection, slug: str) -> bool:
    """Delete a department; False when anything still refers to it. The transaction is over then."""
    try:
        connection.execute(delete(departments).where(departments.c.slug == slug))
    except IntegrityError:
        return False
    return True
