"""The SQL of keys."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, true, update

from core.db import Connection
from core.db.tables import keys
from core.keys.models import Family, Key
from core.llm.pricing import OwnPrice


def insert_key(connection: Connection, key: Key, sealed: bytes | None) -> None:
    """Add a key with its sealed secret."""
    price = key.own_price
    connection.execute(
        insert(keys).values(
            id=key.id,
            owner_id=key.owner_id,
            kind=key.family,
            name=key.name,
            provider=key.provider,
            base_url=key.base_url,
            settings=dict(key.settings),
            secret_sealed=sealed,
            secret_hint=key.hint,
            secret_version=key.secret_version,
            input_price_micros_per_million=price.input_micros_per_million if price else None,
            output_price_micros_per_million=price.output_micros_per_million if price else None,
            created_at=key.created_at,
        )
    )


def keys_of(
    connection: Connection, owner_id: str, shared: Collection[str], family: Family | None = None
) -> list[Key]:
    """Return a person's keys and those of the ids in ``shared``, newest first; of one family if that is told."""
    rows = connection.execute(
        select(keys)
        .where(or_(keys.c.owner_id == owner_id, keys.c.id.in_(shared)), keys.c.deleted_at.is_(None))
        .where(true() if family is None else keys.c.kind == family)
        .order_by(keys.c.id.desc())
    )
    return [_key(row) for row in rows]


def key(connection: Connection, key_id: str) -> tuple[Key, bytes | None] | None:
    """Return one key and its sealed secret; the caller has checked who may use it."""
    row = connection.execute(select(keys).where(keys.c.id == key_id, keys.c.deleted_at.is_(None))).first()
    return (_key(row), row.secret_sealed) if row else None


def owner_of(connection: Connection, key_id: str) -> str | None:
    """Return whose a key is; None when it is gone."""
    return connection.execute(
        select(keys.c.owner_id).where(keys.c.id == key_id, keys.c.deleted_at.is_(None))
    ).scalar()


def name_is_taken(connection: Connection, owner_id: str, name: str) -> bool:
    """Whether the person has a key of this name."""
    return (
        connection.execute(
            select(keys.c.id).where(keys.c.owner_id == owner_id, keys.c.name == name, keys.c.deleted_at.is_(None))
        ).first()
        is not None
    )


def rename_key(connection: Connection, key_id: str, name: str) -> None:
    """Give a key another name."""
    connection.execute(update(keys).where(keys.c.id == key_id).values(name=name))


def replace_secret(connection: Connection, key: Key, sealed: bytes | None, version: int) -> bool:
    """Put a new secret, and where it leads, in the place of ``version``; the last test is forgotten."""
    return (
        connection.execute(
            update(keys)
            .where(keys.c.id == key.id, keys.c.secret_version == version, keys.c.deleted_at.is_(None))
            .values(
                base_url=key.base_url,
                settings=dict(key.settings),
                secret_sealed=sealed,
                secret_hint=key.hint,
                secret_version=key.secret_version,
                tested_at=None,
                test_code=None,
            )
        ).rowcount
        == 1
    )


def delete_key(connection: Connection, key_id: str, at: datetime) -> None:
    """Forget the secret at once; the row stays, because usage refers to it."""
    connection.execute(
        update(keys).where(keys.c.id == key_id).values(deleted_at=at, secret_sealed=None, secret_hint="")
    )


def note_test(connection: Connection, key_id: str, at: datetime, code: str) -> None:
    """Remember the outcome of a test."""
    connection.execute(update(keys).where(keys.c.id == key_id).values(tested_at=at, test_code=code))


def note_use(connection: Connection, key_id: str, at: datetime) -> None:
    """Remember when a key was last used."""
    connection.execute(update(keys).where(keys.c.id == key_id).values(last_used_at=at))


def _key(row: Any) -> Key:
    known = row.input_price_micros_per_million is not None and row.output_price_micros_per_million is not None
    return Key(
        id=row.id,
        owner_id=row.owner_id,
        name=row.name,
        provider=row.provider,
        base_url=row.base_url or "",
        hint=row.secret_hint,
        secret_version=row.secret_version,
        own_price=OwnPrice(row.input_price_micros_per_million, row.output_price_micros_per_million)
        if known
        else None,
        created_at=row.created_at,
        tested_at=row.tested_at,
        test_code=row.test_code,
        last_used_at=row.last_used_at,
        is_pool=row.is_pool,
        family=row.kind,
        settings=row.settings,
    )
