"""The SQL of firings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, select, update

from core.db import Connection
from core.db.tables import firings, runs
from core.db.upsert import upsert
from core.firings.models import Firing

_f = firings.c


def insert_firing(
    connection: Connection, firing_id: str, source_id: str, key: str, at: datetime, inputs: Mapping[str, Any]
) -> bool:
    """Note that a source wants a run; False when it has wanted this very one before."""
    added = connection.execute(
        upsert(connection, firings)
        .values(id=firing_id, source_id=source_id, key=key, at=at, status="due", inputs=dict(inputs))
        .on_conflict_do_nothing(index_elements=["source_id", "key"])
        .returning(_f.id)
    )
    return added.scalar() is not None


def insert_missed(
    connection: Connection, firing_id: str, source_id: str, key: str, at: datetime, told: str
) -> None:
    """Note times at which nothing ran."""
    connection.execute(
        upsert(connection, firings)
        .values(id=firing_id, source_id=source_id, key=key, at=at, status="missed", error_message=told, ended_at=at)
        .on_conflict_do_nothing(index_elements=["source_id", "key"])
    )


def firing_at(connection: Connection, source_id: str, key: str) -> Firing | None:
    """Return the firing of a source with a key."""
    row = connection.execute(select(firings).where(_f.source_id == source_id, _f.key == key)).first()
    return _firing(row) if row else None


def firing(connection: Connection, firing_id: str) -> Firing | None:
    """Return one firing."""
    row = connection.execute(select(firings).where(_f.id == firing_id)).first()
    return _firing(row) if row else None


def inputs_of(connection: Connection, firing_id: str) -> dict[str, Any]:
    """Return what the run of a firing is to work on."""
    return connection.execute(select(_f.inputs).where(_f.id == firing_id)).scalar_one() or {}


def firings_of(connection: Connection, source_id: str, limit: int) -> list[Firing]:
    """Return the last firings of a source, newest first."""
    rows = connection.execute(
        select(firings).where(_f.source_id == source_id).order_by(_f.at.desc(), _f.id.desc()).limit(limit)
    )
    return [_firing(row) for row in rows]


def newest(connection: Connection, source_ids: Collection[str]) -> dict[str, Firing]:
    """Return the last firing of each source, by the source's id."""
    number = func.row_number().over(partition_by=_f.source_id, order_by=(_f.at.desc(), _f.id.desc()))
    ranked = select(firings, number.label("number")).where(_f.source_id.in_(source_ids)).subquery()
    rows = connection.execute(select(ranked).where(ranked.c.number == 1))
    return {row.source_id: _firing(row) for row in rows}


def due(connection: Connection, limit: int) -> list[Firing]:
    """Return firings whose run is still to be started, oldest first."""
    rows = connection.execute(select(firings).where(_f.status == "due").order_by(_f.at, _f.id).limit(limit))
    return [_firing(row) for row in rows]


def any_due(connection: Connection) -> bool:
    """Whether some run is still to be started."""
    return bool(connection.execute(select(exists().where(_f.status == "due"))).scalar())


def run_of(connection: Connection, firing_id: str) -> tuple[str, str] | None:
    """Return id and status of the run that a firing has started."""
    row = connection.execute(select(runs.c.id, runs.c.status).where(runs.c.source_id == firing_id)).first()
    return (row.id, row.status) if row else None


def change_status(connection: Connection, firing_id: str, wanted: Collection[str], **values: Any) -> bool:
    """Set values on a firing that is in one of the ``wanted`` states; False when it is not."""
    done = connection.execute(update(firings).where(_f.id == firing_id, _f.status.in_(wanted)).values(**values))
    return done.rowcount == 1


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` firings that ended before a moment; return how many."""
    old = select(_f.id).where(and_(_f.ended_at < before, _f.status != "due")).limit(limit)
    return connection.execute(delete(firings).where(_f.id.in_(old))).rowcount


def _firing(row: Any) -> Firing:
    return Firing(
        id=row.id,
        source_id=row.source_id,
        key=row.key,
        at=row.at,
        run_id=row.run_id,
        status=row.status,
        error_code=row.error_code,
        error_message=row.error_message,
        ended_at=row.ended_at,
    )
