"""The SQL of seeds and recovery codes. Every change says which state it expects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update

from core import clock
from core.db import Connection
from core.db.sealed import is_sealed_with
from core.db.tables import recovery_codes, users


@dataclass(frozen=True)
class Seed:
    """What the row of a person has about their second factor."""

    sealed: bytes | None = field(repr=False)
    enabled_at: datetime | None


def seed_of(connection: Connection, user_id: str) -> Seed | None:
    """Return what is stored for a person; None when there is no such person."""
    row = connection.execute(
        select(users.c.totp_sealed, users.c.totp_enabled_at).where(users.c.id == user_id)
    ).first()
    return Seed(row.totp_sealed, row.totp_enabled_at) if row else None


def user_id_at(connection: Connection, email: str) -> str | None:
    """Return who has an address, suspended or not."""
    return connection.execute(select(users.c.id).where(users.c.email == email)).scalar()


def sealed_with(connection: Connection, master_keys: Collection[int]) -> list[tuple[str, bool]]:
    """Return whose seeds are sealed with these master keys, and whether each is in force."""
    rows = connection.execute(
        select(users.c.id, users.c.totp_enabled_at).where(is_sealed_with(users.c.totp_sealed, master_keys))
    )
    return [(row.id, row.totp_enabled_at is not None) for row in rows]


def put_pending(connection: Connection, user_id: str, sealed: bytes) -> bool:
    """Store a seed that is not in force yet; False when one is."""
    stored = connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.totp_enabled_at.is_(None))
        .values(totp_sealed=sealed, totp_last_step=None)
    )
    return stored.rowcount == 1


def enable(connection: Connection, user_id: str, sealed: bytes, step: int, at: datetime) -> bool:
    """Put the pending seed into force; False when it is another one by now, or in force already."""
    enabled = connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.totp_enabled_at.is_(None), users.c.totp_sealed == sealed)
        .values(totp_enabled_at=at, totp_last_step=step)
    )
    return enabled.rowcount == 1


def use_step(connection: Connection, user_id: str, step: int) -> bool:
    """Use the code of a time step; False when it, or a later one, was used before."""
    used = connection.execute(
        update(users)
        .where(
            users.c.id == user_id,
            users.c.totp_enabled_at.is_not(None),
            or_(users.c.totp_last_step.is_(None), users.c.totp_last_step < step),
        )
        .values(totp_last_step=step)
    )
    return used.rowcount == 1


def erase(connection: Connection, user_id: str) -> None:
    """Remove a person's seed and recovery codes."""
    connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(totp_sealed=None, totp_enabled_at=None, totp_last_step=None)
    )
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))


def replace_codes(connection: Connection, user_id: str, hashes: Sequence[str]) -> None:
    """Store recovery codes in the place of the ones before."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [{"id": clock.new_id("code"), "user_id": user_id, "code_hash": value} for value in hashes]
    connection.execute(insert(recovery_codes), rows)


def use_code(connection: Connection, user_id: str, code_hash: str, at: datetime) -> bool:
    """Use a recovery code; False when there is none like it, or it was used before."""
    used = connection.execute(
        update(recovery_codes)
        .where(
            recovery_codes.c.user_id == user_id,
            recovery_codes.c.code_hash == code_hash,
            recovery_codes.c.used_at.is_(None),
        )
        .values(used_at=at)
    )
    return used.rowcount == 1


def codes_left(connection: Connection, user_id: str) -> int:
    """Return how many recovery codes are unused."""
    return connection.execute(
        select(func.count())
        .select_from(recovery_codes)
        .where(recovery_codes.c.user_id == user_id, recovery_codes.c.used_at.is_(None))
    ).scalar_one()
