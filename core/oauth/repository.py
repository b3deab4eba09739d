"""The SQL of connected accounts and of sign-ins that are under way."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from core.db import Connection
from core.db.sealed import is_sealed_with
from core.db.tables import identities, oauth_flows
from core.db.upsert import upsert
from core.oauth.models import Identity

flows = oauth_flows.c
own = identities.c


def insert_flow(connection: Connection, **values: Any) -> None:
    """Add a sign-in that begins now."""
    connection.execute(insert(oauth_flows).values(**values))


def drop_old_flows(connection: Connection, before: datetime) -> None:
    """Forget sign-ins that expired before a moment."""
    connection.execute(delete(oauth_flows).where(flows.expires_at < before))


def forget_flows(connection: Connection, before: datetime, limit: int) -> int:
    """Forget sign-ins that expired before a moment; return how many those were, ``limit`` at most."""
    old = select(flows.state_hash).where(flows.expires_at < before).limit(limit)
    return connection.execute(delete(oauth_flows).where(flows.state_hash.in_(old))).rowcount


def take_flow(connection: Connection, state_hash: str, provider: str, browser_hash: str, at: datetime) -> Any:
    """Mark a sign-in as used and return its row; a second use, or another browser's, finds nothing."""
    return connection.execute(
        update(oauth_flows)
        .where(*_takeable(state_hash, provider, browser_hash, at).values())
        .values(used_at=at)
        .returning(flows.nonce, flows.verifier_sealed, flows.link_user_id, flows.next_path)
    ).first()


def _takeable(state_hash: str, provider: str, browser_hash: str, at: datetime) -> dict[str, Any]:
    """Return every condition under which a sign-in may be taken up, by what it guards against."""
    return {
        "made-up state": flows.state_hash == state_hash,
        "mix-up": flows.provider == provider,
        "another browser": flows.browser_hash == browser_hash,
        "replay": flows.used_at.is_(None),
        "expired": flows.expires_at > at,
    }


def knows_flow(connection: Connection, state_hash: str) -> bool:
    """Whether a sign-in with this state began here and is not forgotten yet, in whatever browser."""
    return connection.execute(select(flows.provider).where(flows.state_hash == state_hash)).first() is not None


def lock_identity(connection: Connection, issuer: str, subject: str) -> tuple[Identity, bytes | None] | None:
    """Return a connected account by who it is at the provider; it is not changed until this transaction ends."""
    row = connection.execute(
        select(identities).where(own.issuer == issuer, own.subject == subject).with_for_update()
    ).first()
    return (_identity(row), row.token_sealed) if row else None


def insert_identity(connection: Connection, identity: Identity, sealed: bytes) -> bool:
    """Connect an account; False when somebody has it."""
    added = connection.execute(
        upsert(connection, identities)
        .values(
            id=identity.id,
            user_id=identity.user_id,
            provider=identity.provider,
            issuer=identity.issuer,
            subject=identity.subject,
            email=identity.email,
            name=identity.name,
            scopes=" ".join(identity.scopes),
            token_sealed=sealed,
            token_version=identity.token_version,
            token_expires_at=identity.token_expires_at,
            linked_at=identity.linked_at,
            last_used_at=identity.last_used_at,
        )
        .on_conflict_do_nothing(index_elements=["issuer", "subject"])
        .returning(own.id)
    )
    return added.first() is not None


def replace_tokens(connection: Connection, before: Identity, after: Identity, sealed: bytes) -> bool:
    """Store newer tokens, unless somebody else has stored newer ones since ``before`` was read."""
    changed = connection.execute(
        update(identities)
        .where(own.id == before.id, own.token_version == before.token_version)
        .values(
            email=after.email,
            name=after.name,
            scopes=" ".join(after.scopes),
            token_sealed=sealed,
            token_version=after.token_version,
            token_expires_at=after.token_expires_at,
            last_used_at=after.last_used_at,
        )
    )
    return changed.rowcount == 1


def forget_sealed_with(connection: Connection, master_keys: Collection[int]) -> int:
    """Drop the tokens and the begun sign-ins that are sealed with these master keys; return how many tokens."""
    connection.execute(delete(oauth_flows).where(is_sealed_with(flows.verifier_sealed, master_keys)))
    return connection.execute(
        update(identities)
        .where(is_sealed_with(own.token_sealed, master_keys))
        .values(token_sealed=None, token_version=own.token_version + 1)
    ).rowcount


def note_use(connection: Connection, identity_id: str, at: datetime) -> None:
    """Note that a connection was used."""
    connection.execute(update(identities).where(own.id == identity_id).values(last_used_at=at))


def identities_of(connection: Connection, user_id: str) -> list[Identity]:
    """Return a person's connected accounts, oldest first."""
    rows = connection.execute(select(identities).where(own.user_id == user_id).order_by(own.id))
    return [_identity(row) for row in rows]


def identity_of(connection: Connection, user_id: str, identity_id: str) -> tuple[Identity, bytes | None] | None:
    """Return one of a person's connected accounts and its sealed tokens."""
    row = connection.execute(select(identities).where(own.id == identity_id, own.user_id == user_id)).first()
    return (_identity(row), row.token_sealed) if row else None


def count_identities(connection: Connection, user_id: str) -> int:
    """Return how many accounts a person has connected."""
    return connection.execute(
        select(func.count()).select_from(identities).where(own.user_id == user_id)
    ).scalar_one()


def delete_identity(connection: Connection, identity_id: str) -> bool:
    """Disconnect an account and erase its tokens; False when it is gone already."""
    return connection.execute(delete(identities).where(own.id == identity_id)).rowcount == 1


def _identity(row: Any) -> Identity:
    return Identity(
        id=row.id,
        user_id=row.user_id,
        provider=row.provider,
        issuer=row.issuer,
        subject=row.subject,
        email=row.email,
        name=row.name,
        scopes=tuple(row.scopes.split()),
        token_version=row.token_version,
        token_expires_at=row.token_expires_at,
        linked_at=row.linked_at,
        last_used_at=row.last_used_at,
    )
