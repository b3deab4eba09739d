"""The SQL of refresh tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, update

from core.db import Connection
from core.db.tables import refresh_tokens

_c = refresh_tokens.c


def insert_refresh(connection: Connection, token_id: str, session_id: str, token_hash: str, at: datetime) -> None:
    """Add a refresh token."""
    row = {"id": token_id, "session_id": session_id, "token_hash": token_hash, "created_at": at}
    connection.execute(insert(refresh_tokens).values(row))


def use(connection: Connection, token_hash: str, at: datetime) -> str | None:
    """Use an unused refresh token up and return its session; a second use finds nothing."""
    used = connection.execute(
        update(refresh_tokens)
        .where(_c.token_hash == token_hash, _c.used_at.is_(None))
        .values(used_at=at)
        .returning(_c.session_id)
    ).first()
    return used.session_id if used else None


def session_of(connection: Connection, token_hash: str) -> str | None:
    """Return the session of a refresh token, used or not."""
    return connection.execute(select(_c.session_id).where(_c.token_hash == token_hash)).scalar()


def is_known(connection: Connection, token_id: str, session_id: str) -> bool:
    """Whether an access token with this id was issued in this session."""
    found = select(_c.id).where(_c.id == token_id, _c.session_id == session_id)
    return connection.execute(found).first() is not None
