"""The SQL of departments."""

from __future__ import annotations

from sqlalchemy import select

from core.db import Connection
from core.db.tables import departments
from core.departments.models import Department


def all_departments(connection: Connection) -> list[Department]:
    """Return every department in its fixed order."""
    rows = connection.execute(select(departments).order_by(departments.c.position)).all()
    return [Department(row.slug, row.name) for row in rows]
