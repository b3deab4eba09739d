"""The SQL of personal tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from core.db import Connection
from core.db.tables import api_tokens
from core.tokens.models import Token

_c = api_tokens.c


def insert_token(connection: Connection, token: Token, token_hash: str) -> None:
    """Add a token."""
    row = {name: getattr(token, name) for name in ("id", "user_id", "name", "hint", "created_at", "expires_at")}
    connection.execute(insert(api_tokens).values(**row, token_hash=token_hash, scopes=" ".join(token.scopes)))


def name_is_taken(connection: Connection, user_id: str, name: str) -> bool:
    """Whether a person has a token of this name that is not revoked."""
    found = select(_c.id).where(_c.user_id == user_id, _c.name == name, _c.revoked_at.is_(None))
    return connection.execute(found).first() is not None


def tokens_of(connection: Connection, user_id: str) -> list[Token]:
    """Return a person's tokens that are not revoked, newest first."""
    rows = connection.execute(
        select(api_tokens)
        .where(_c.user_id == user_id, _c.revoked_at.is_(None))
        .order_by(_c.created_at.desc(), _c.id.desc())
    )
    return [_token(row) for row in rows]


def valid_token(connection: Connection, token_hash: str, at: datetime) -> Token | None:
    """Return the token with this hash, unless it was revoked or has expired."""
    row = connection.execute(
        select(api_tokens).where(_c.token_hash == token_hash, _c.revoked_at.is_(None), _c.expires_at > at)
    ).first()
    return _token(row) if row else None


def good_token_owner(connection: Connection, token_id: str, at: datetime) -> str | None:
    """Return whose token this is, unless it was revoked or has expired."""
    good = (_c.id == token_id, _c.revoked_at.is_(None), _c.expires_at > at)
    return connection.execute(select(_c.user_id).where(*good)).scalar()


def note_use(connection: Connection, token_id: str, at: datetime) -> None:
    """Note that a token was used."""
    connection.execute(update(api_tokens).where(_c.id == token_id).values(last_used_at=at))


def revoke(connection: Connection, user_id: str, token_id: str, at: datetime) -> str | None:
    """Revoke a person's token and return its name; None when there is none to revoke."""
    revoked = connection.execute(
        update(api_tokens)
        .where(_c.id == token_id, _c.user_id == user_id, _c.revoked_at.is_(None))
        .values(revoked_at=at)
        .returning(_c.name)
    ).first()
    return revoked.name if revoked else None


def _token(row: Any) -> Token:
    return Token(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        hint=row.hint,
        scopes=tuple(row.scopes.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
    )
