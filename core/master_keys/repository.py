"""The SQL of rotations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from core.db import Connection
from core.db.tables import key_rotations
from core.db.upsert import upsert
from core.master_keys.models import Rotation

rotations = key_rotations.c


def newest_rotation(connection: Connection) -> Rotation | None:
    """Return the rotation that was started last."""
    row = connection.execute(select(key_rotations).order_by(rotations.started_at.desc()).limit(1)).first()
    return _rotation(row) if row else None


def start(connection: Connection, target: int, by: str, at: datetime) -> bool:
    """Begin a rotation, or again one that was finished; False when it is under way already. Others are over."""
    others = update(key_rotations).where(rotations.target != target, rotations.finished_at.is_(None))
    connection.execute(others.values(finished_at=at))
    values = {"started_by": by, "started_at": at, "finished_at": None}
    begun = upsert(connection, key_rotations).values(target=target, **values)
    done = connection.execute(
        begun.on_conflict_do_update(
            index_elements=["target"], set_=values, where=rotations.finished_at.is_not(None)
        ).returning(rotations.target)
    )
    return done.first() is not None


def finish(connection: Connection, target: int, at: datetime) -> bool:
    """End a rotation; True for exactly one of those that carried it on."""
    ended = update(key_rotations).where(rotations.target == target, rotations.finished_at.is_(None))
    return connection.execute(ended.values(finished_at=at)).rowcount == 1


def _rotation(row: Any) -> Rotation:
    return Rotation(row.target, row.started_by, row.started_at, row.finished_at)
