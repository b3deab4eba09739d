"""The SQL of passkeys and of the challenges that browsers answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from core.db import Connection
from core.db.tables import passkey_challenges, passkeys
from core.db.upsert import upsert
from core.passkeys.models import NewKey, Passkey, Purpose, StoredKey

own = passkeys.c
asked = passkey_challenges.c


def insert_challenge(
    connection: Connection,
    challenge_hash: str,
    purpose: Purpose,
    user_id: str | None,
    browser_hash: str,
    expires_at: datetime,
) -> None:
    """Add a challenge that a browser is asked to answer."""
    connection.execute(
        insert(passkey_challenges).values(
            challenge_hash=challenge_hash,
            purpose=purpose,
            user_id=user_id,
            browser_hash=browser_hash,
            expires_at=expires_at,
        )
    )


def drop_old_challenges(connection: Connection, before: datetime) -> None:
    """Forget challenges that expired before a moment."""
    connection.execute(delete(passkey_challenges).where(asked.expires_at < before))


def use_challenge(
    connection: Connection,
    challenge_hash: str,
    purpose: Purpose,
    user_id: str | None,
    browser_hash: str,
    at: datetime,
) -> bool:
    """Use a challenge up; a second use, another purpose, person or browser finds nothing."""
    used = connection.execute(
        update(passkey_challenges)
        .where(
            asked.challenge_hash == challenge_hash,
            asked.purpose == purpose,
            asked.user_id.is_(None) if user_id is None else asked.user_id == user_id,
            asked.browser_hash == browser_hash,
            asked.used_at.is_(None),
            asked.expires_at > at,
        )
        .values(used_at=at)
    )
    return used.rowcount == 1


def add(connection: Connection, passkey: Passkey, key: NewKey) -> bool:
    """Add a passkey; False when its credential id is known already, whoever's it is."""
    added = connection.execute(
        upsert(connection, passkeys)
        .values(
            id=passkey.id,
            user_id=passkey.user_id,
            credential_id=key.credential_id,
            public_key=key.public_key,
            sign_count=key.sign_count,
            name=passkey.name,
            transports=" ".join(passkey.transports),
            is_backed_up=passkey.is_backed_up,
            created_at=passkey.created_at,
        )
        .on_conflict_do_nothing(index_elements=["credential_id"])
        .returning(own.id)
    )
    return added.first() is not None


def keys_of(connection: Connection, user_id: str) -> list[StoredKey]:
    """Return a person's passkeys, oldest first."""
    rows = connection.execute(select(passkeys).where(own.user_id == user_id).order_by(own.created_at, own.id))
    return [_stored(row) for row in rows]


def key_by_credential(connection: Connection, credential_id: bytes) -> StoredKey | None:
    """Return the passkey of a credential id, whoever's it is."""
    row = connection.execute(select(passkeys).where(own.credential_id == credential_id)).first()
    return _stored(row) if row else None


def count(connection: Connection, user_id: str) -> int:
    """Return how many passkeys a person has."""
    return connection.execute(select(func.count()).select_from(passkeys).where(own.user_id == user_id)).scalar_one()


def note_use(connection: Connection, passkey_id: str, sign_count: int, is_backed_up: bool, at: datetime) -> bool:
    """Note a use; False when the counter is not above the one that is stored by now."""
    # Zero for ever: a device that does not count.
    is_next = own.sign_count < sign_count if sign_count else own.sign_count == 0
    noted = connection.execute(
        update(passkeys)
        .where(own.id == passkey_id, is_next)
        .values(sign_count=sign_count, is_backed_up=is_backed_up, last_used_at=at)
    )
    return noted.rowcount == 1


def rename(connection: Connection, user_id: str, passkey_id: str, name: str) -> bool:
    """Give one of a person's passkeys another name; False when it is not theirs."""
    changed = connection.execute(
        update(passkeys).where(own.id == passkey_id, own.user_id == user_id).values(name=name)
    )
    return changed.rowcount == 1


def remove(connection: Connection, user_id: str, passkey_id: str) -> bool:
    """Remove one of a person's passkeys; False when it is not theirs."""
    removed = connection.execute(delete(passkeys).where(own.id == passkey_id, own.user_id == user_id))
    return removed.rowcount == 1


def remove_all(connection: Connection, user_id: str) -> int:
    """Remove every passkey of a person; return how many those were."""
    return connection.execute(delete(passkeys).where(own.user_id == user_id)).rowcount


def _stored(row: Any) -> StoredKey:
    passkey = Passkey(
        id=row.id,
        user_id=row.user_id,
        name=row.name,
        transports=tuple(row.transports.split()),
        is_backed_up=row.is_backed_up,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
    return StoredKey(passkey, row.credential_id, row.public_key, row.sign_count)
