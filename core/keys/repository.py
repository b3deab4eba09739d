"""The SQL of keys."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import and_, insert, or_, select, true, update

from core.db import Connection
from core.db.tables import keys, users
from core.keys.binding import origin
from core.keys.models import REMINDERS, Family, Key, Reminder
from core.llm.pricing import OwnPrice
from core.security.sealing import key_id_of


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
            bound_to=origin(key),
            secret_sealed=sealed,
            secret_hint=key.hint,
            secret_version=key.secret_version,
            is_pool=key.is_pool,
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


def pool_ids(connection: Connection) -> set[str]:
    """Return the ids of the keys of the pool."""
    return set(connection.execute(select(keys.c.id).where(keys.c.is_pool, keys.c.deleted_at.is_(None))).scalars())


def set_pool(connection: Connection, key_id: str, is_pool: bool) -> None:
    """Take a key into the pool or out of it."""
    connection.execute(update(keys).where(keys.c.id == key_id).values(is_pool=is_pool))


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
                bound_to=origin(key),
                secret_sealed=sealed,
                secret_hint=key.hint,
                secret_version=key.secret_version,
                tested_at=None,
                test_code=None,
                expires_on=None,
                expiry_told_days=None,
                failing_told_at=None,
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
    worked = {"failing_told_at": None} if code == "ok" else {}
    connection.execute(update(keys).where(keys.c.id == key_id).values(tested_at=at, test_code=code, **worked))


def failing_told_at(connection: Connection, key_id: str) -> datetime | None:
    """Return when somebody was last told that a key does not work; None when it has worked since."""
    return connection.execute(select(keys.c.failing_told_at).where(keys.c.id == key_id)).scalar_one_or_none()


def note_failing(connection: Connection, key_id: str, before: datetime | None, at: datetime) -> bool:
    """Remember that somebody is told; True for exactly one of those who have seen ``before``."""
    told = keys.c.failing_told_at
    is_same = told.is_(None) if before is None else told == before
    done = connection.execute(update(keys).where(keys.c.id == key_id, is_same).values(failing_told_at=at))
    return done.rowcount == 1


def note_use(connection: Connection, key_id: str, at: datetime) -> None:
    """Remember when a key was last used."""
    connection.execute(update(keys).where(keys.c.id == key_id).values(last_used_at=at))


def set_disabled(connection: Connection, key_id: str, at: datetime | None) -> bool:
    """Disable a key at a moment, or enable it with None; False when it is so already, or gone."""
    differs = keys.c.disabled_at.is_(None) if at else keys.c.disabled_at.is_not(None)
    done = connection.execute(
        update(keys).where(keys.c.id == key_id, differs, keys.c.deleted_at.is_(None)).values(disabled_at=at)
    )
    return done.rowcount == 1


def set_expiry(connection: Connection, key_id: str, day: date | None) -> None:
    """Say on which day a key expires; reminders of another day are forgotten."""
    connection.execute(update(keys).where(keys.c.id == key_id).values(expires_on=day, expiry_told_days=None))


def reminders(connection: Connection, today: date) -> list[Reminder]:
    """Return the keys about whose end somebody is to be told: owners, and administrators of the organisation's."""
    told = keys.c.expiry_told_days
    due = (
        and_(keys.c.expires_on <= today + timedelta(days=days), or_(told.is_(None), told > days))
        for days in REMINDERS
    )
    whom = or_(users.c.id == keys.c.owner_id, and_(keys.c.is_pool, users.c.role == "admin"))
    rows = connection.execute(
        select(keys.c.id, keys.c.name, keys.c.expires_on, users.c.email)
        .join(users, and_(whom, users.c.is_active))
        .where(keys.c.deleted_at.is_(None), keys.c.disabled_at.is_(None), or_(*due))
        .order_by(keys.c.id, users.c.email)
    ).all()
    return [
        Reminder(*key, _reached(key[2], today), tuple(row.email for row in of_key))
        for key, of_key in groupby(rows, lambda row: (row.id, row.name, row.expires_on))
    ]


def note_reminder(connection: Connection, reminder: Reminder) -> bool:
    """Remember that somebody is told; True for exactly one worker, and only while the day is the same."""
    told = keys.c.expiry_told_days
    done = connection.execute(
        update(keys)
        .where(
            keys.c.id == reminder.key_id,
            keys.c.expires_on == reminder.expires_on,
            or_(told.is_(None), told > reminder.days),
        )
        .values(expiry_told_days=reminder.days)
    )
    return done.rowcount == 1


def _reached(expires_on: date, today: date) -> int:
    return min(days for days in REMINDERS if (expires_on - today).days <= days)


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
        disabled_at=row.disabled_at,
        expires_on=row.expires_on,
        sealed_with=key_id_of(row.secret_sealed) if row.secret_sealed else None,
        family=row.kind,
        settings=row.settings,
    )
