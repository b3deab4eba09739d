"""The SQL of webhooks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, delete, insert, or_, select, true, update

from core.accounts.models import User
from core.db import Connection
from core.db.sealed import is_sealed_with
from core.db.tables import users, webhooks
from core.webhooks.models import Event, Hearer, Reason, Webhook, WebhookDraft

_w = webhooks.c
# Who somebody is, for ``person``.
PERSON = (
    *(users.c.id, users.c.email, users.c.name, users.c.role),
    *(users.c.department, users.c.created_at),
)


def insert_webhook(
    connection: Connection, webhook_id: str, owner_id: str, draft: WebhookDraft, sealed: bytes, at: datetime
) -> None:
    """Add a webhook."""
    connection.execute(
        insert(webhooks).values(
            id=webhook_id,
            owner_id=owner_id,
            is_organisation=draft.is_organisation,
            name=draft.name,
            url=draft.url,
            events=" ".join(draft.events),
            secret_sealed=sealed,
            secret_changed_at=at,
            created_at=at,
        )
    )


def webhooks_of(connection: Connection, owner_id: str, *, with_organisation: bool) -> list[Webhook]:
    """Return a person's own webhooks, and those of the organisation, newest first."""
    own = and_(_w.owner_id == owner_id, _w.is_organisation.is_(False))
    wanted = or_(own, _w.is_organisation) if with_organisation else own
    rows = connection.execute(_chosen().where(wanted).order_by(_w.created_at.desc(), _w.id.desc()))
    return [_webhook(row) for row in rows]


def webhook(connection: Connection, webhook_id: str) -> Webhook | None:
    """Return one webhook."""
    row = connection.execute(_chosen().where(_w.id == webhook_id)).first()
    return _webhook(row) if row else None


def secret_of(connection: Connection, webhook_id: str) -> bytes | None:
    """Return the sealed secret of a webhook."""
    return connection.execute(select(_w.secret_sealed).where(_w.id == webhook_id)).scalar_one_or_none()


def change_webhook(connection: Connection, webhook_id: str, **values: Any) -> None:
    """Change a webhook."""
    connection.execute(update(webhooks).where(_w.id == webhook_id).values(**values))


def change_secret(connection: Connection, webhook_id: str, before: bytes | None, **values: Any) -> bool:
    """Put a new secret in the place of ``before``; False when somebody else has done so."""
    is_same = _w.secret_sealed == before if before is not None else _w.secret_sealed.is_(None)
    done = connection.execute(update(webhooks).where(_w.id == webhook_id, is_same).values(**values))
    return done.rowcount == 1


def turn_off(connection: Connection, webhook_id: str, reason: Reason, at: datetime) -> bool:
    """Turn a webhook off; False when it is off already."""
    done = connection.execute(
        update(webhooks)
        .where(_w.id == webhook_id, _w.disabled_at.is_(None))
        .values(disabled_at=at, disabled_reason=reason, failing_since=None)
    )
    return done.rowcount == 1


def delete_webhook(connection: Connection, webhook_id: str) -> None:
    """Delete a webhook with its log."""
    connection.execute(delete(webhooks).where(_w.id == webhook_id))


def sealed_with(connection: Connection, master_keys: Collection[int]) -> list[str]:
    """Return the ids of the webhooks whose secret is sealed with one of these master keys."""
    return list(connection.execute(select(_w.id).where(is_sealed_with(_w.secret_sealed, master_keys))).scalars())


def forget_previous_sealed_with(connection: Connection, master_keys: Collection[int]) -> None:
    """Forget former secrets that nobody can open any more."""
    connection.execute(
        update(webhooks)
        .where(is_sealed_with(_w.previous_sealed, master_keys))
        .values(previous_sealed=None, previous_until=None)
    )


def forget_previous(connection: Connection, before: datetime, limit: int) -> int:
    """Forget former secrets that do not sign any more; return how many those were, ``limit`` at most."""
    over = select(_w.id).where(_w.previous_until < before).limit(limit)
    return connection.execute(
        update(webhooks).where(_w.id.in_(over)).values(previous_sealed=None, previous_until=None)
    ).rowcount


def hearers(connection: Connection, event: Event, owner_ids: Iterable[str] | None = None) -> list[Hearer]:
    """Return the webhooks that listen to an event: of anybody, or of some people and the organisation."""
    whose = true() if owner_ids is None else or_(_w.is_organisation, _w.owner_id.in_(list(owner_ids)))
    rows = connection.execute(
        select(_w.id.label("webhook_id"), _w.is_organisation, _w.events, *PERSON)
        .join(users, users.c.id == _w.owner_id)
        .where(_w.disabled_at.is_(None), users.c.is_active, whose)
        .order_by(_w.id)
    )
    return [Hearer(row.webhook_id, person(row), row.is_organisation) for row in rows if event in row.events.split()]


def recipients(connection: Connection, webhook_id: str) -> list[str]:
    """Return the addresses of who is told that a webhook was turned off: its owner, or the administrators."""
    whom = or_(
        and_(_w.is_organisation.is_(False), users.c.id == _w.owner_id),
        and_(_w.is_organisation, users.c.role == "admin"),
    )
    rows = connection.execute(
        select(users.c.email)
        .join(webhooks, whom)
        .where(_w.id == webhook_id, users.c.is_active)
        .order_by(users.c.email)
    )
    return list(rows.scalars())


def note_success(connection: Connection, webhook_id: str) -> None:
    """Note that something has arrived."""
    failing = (_w.id == webhook_id, _w.failing_since.is_not(None))
    connection.execute(update(webhooks).where(*failing).values(failing_since=None))


def note_failure(connection: Connection, webhook_id: str, at: datetime) -> datetime | None:
    """Note that something has not arrived; return since when nothing does, None when the webhook is gone."""
    first = (_w.id == webhook_id, _w.failing_since.is_(None))
    connection.execute(update(webhooks).where(*first).values(failing_since=at))
    return connection.execute(select(_w.failing_since).where(_w.id == webhook_id)).scalar_one_or_none()


def person(row: Any) -> User:
    """Return who somebody is, of a row with ``PERSON``."""
    return User(row.id, row.email, row.name, row.role, row.department, row.created_at)


# --- inside -------------------------------------------------------------------------------------


def _chosen() -> Select[Any]:
    return select(webhooks, users.c.name.label("owner_name")).join(users, users.c.id == _w.owner_id)


def _webhook(row: Any) -> Webhook:
    return Webhook(
        id=row.id,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        is_organisation=row.is_organisation,
        name=row.name,
        url=row.url,
        events=tuple(row.events.split()),
        disabled_at=row.disabled_at,
        disabled_reason=row.disabled_reason,
        failing_since=row.failing_since,
        secret_changed_at=row.secret_changed_at,
        previous_until=row.previous_until,
        created_at=row.created_at,
    )
