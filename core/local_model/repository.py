"""The SQL of the built-in model's one row."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import insert, select, update

from core.db import Connection
from core.db.tables import local_model
from core.local_model.models import ABSENT, LocalModelStatus


def status(connection: Connection) -> LocalModelStatus:
    """Return the state."""
    row = connection.execute(select(local_model)).first()
    if row is None:
        return ABSENT
    return LocalModelStatus(row.state, row.bytes_done, row.bytes_total, row.message, row.updated_at)


def write(connection: Connection, new: LocalModelStatus) -> None:
    """Set the state, whatever it was."""
    values = {
        "state": new.state,
        "bytes_done": new.bytes_done,
        "bytes_total": new.bytes_total,
        "message": new.message,
        "updated_at": new.updated_at,
    }
    if connection.execute(update(local_model).where(local_model.c.id == 1).values(values)).rowcount == 0:
        connection.execute(insert(local_model).values(id=1, **values))


def claim(connection: Connection, at: datetime, stale_before: datetime, busy: Collection[str]) -> bool:
    """Take over a request, or work whose worker fell silent; True for exactly one worker."""
    wanted = (local_model.c.state == "requested") | (
        local_model.c.state.in_(busy) & (local_model.c.updated_at < stale_before)
    )
    return (
        connection.execute(update(local_model).where(wanted).values(state="fetching", updated_at=at)).rowcount == 1
    )
