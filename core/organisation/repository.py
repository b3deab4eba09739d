"""The SQL of the organisation's settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.db import Connection
from core.db.tables import organisation
from core.db.upsert import upsert


def all_values(connection: Connection) -> dict[str, Any]:
    """Return what is stored, by name."""
    return {row.name: row.value for row in connection.execute(select(organisation))}


def put(connection: Connection, name: str, value: Any) -> None:
    """Store a value in the place of the one before."""
    connection.execute(
        upsert(connection, organisation)
        .values(name=name, value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )
