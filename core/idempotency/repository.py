"""The SQL of kept answers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from core.db import Connection
from core.db.sealed import is_sealed_with
from core.db.tables import idempotency_keys
from core.db.upsert import upsert

_c = idempotency_keys.c


def begin(connection: Connection, key_id: str, user_id: str, request_hash: str, attempt: str, at: datetime) -> bool:
    """Note that a request is being executed; False when one with this key was before."""
    row = {"id": key_id, "user_id": user_id, "request_hash": request_hash, "attempt": attempt, "begun_at": at}
    added = connection.execute(
        upsert(connection, idempotency_keys)
        .values(row)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(_c.id)
    )
    return added.first() is not None


def kept(connection: Connection, key_id: str) -> Any | None:
    """Return the row of a key."""
    return connection.execute(select(idempotency_keys).where(_c.id == key_id)).first()


def take_over(
    connection: Connection, key_id: str, before: str, request_hash: str, attempt: str, at: datetime
) -> bool:
    """Begin anew what an earlier attempt did not finish; False when somebody else has."""
    taken = connection.execute(
        update(idempotency_keys)
        .where(_c.id == key_id, _c.attempt == before)
        .values(attempt=attempt, request_hash=request_hash, status=None, answer_sealed=None, begun_at=at)
    )
    return taken.rowcount == 1


def finish(connection: Connection, key_id: str, attempt: str, status: int, sealed: bytes) -> None:
    """Keep the answer of an attempt."""
    mine = (_c.id == key_id, _c.attempt == attempt)
    connection.execute(update(idempotency_keys).where(*mine).values(status=status, answer_sealed=sealed))


def drop(connection: Connection, key_id: str, attempt: str) -> None:
    """Forget an attempt that changed nothing."""
    connection.execute(delete(idempotency_keys).where(_c.id == key_id, _c.attempt == attempt))


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Forget answers that were begun before a moment; return how many those were."""
    old = select(_c.id).where(_c.begun_at < before).limit(limit)
    return connection.execute(delete(idempotency_keys).where(_c.id.in_(old.scalar_subquery()))).rowcount


def forget_sealed_with(connection: Connection, master_keys: Collection[int]) -> int:
    """Forget answers that nobody can open any more."""
    return connection.execute(
        delete(idempotency_keys).where(is_sealed_with(_c.answer_sealed, master_keys))
    ).rowcount
