"""The SQL of the outbox."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, text, update

from core.db import Connection
from core.db.sealed import is_sealed_with
from core.db.tables import mail_outbox, organisation
from core.db.upsert import upsert
from core.notify.models import Held, MailKeyChoice, MailKind, MailState, Waiting

# Any number, the same in every process: "mail" on a telephone's keys.
ADVISORY_LOCK = 6245
# The row beside the organisation's settings.
MAIL_KEY = "mail_key"

box = mail_outbox.c


def insert_mail(connection: Connection, **values: Any) -> None:
    """Add a mail; one that is there already stays as it is."""
    statement = upsert(connection, mail_outbox).values(attempts=0, **values)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["id"]))


def lock(connection: Connection) -> None:
    """Let no other worker claim until this transaction ends; on SQLite the write lock does it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})


def next_due(connection: Connection, at: datetime) -> Waiting | None:
    """Return the mail that has waited longest."""
    row = connection.execute(
        select(mail_outbox).where(box.status == "queued", box.due_at <= at).order_by(box.due_at, box.id).limit(1)
    ).first()
    if row is None:
        return None
    body, attempts, created_at = row.body_sealed, row.attempts, row.created_at
    return Waiting(row.id, row.kind, row.recipient, row.subject, body, attempts, created_at)


def first_due_at(connection: Connection, lost_after: Any) -> datetime | None:
    """Return when the next mail is due, or when a claim counts as lost."""
    queued = connection.execute(select(func.min(box.due_at)).where(box.status == "queued")).scalar_one()
    claimed = connection.execute(select(func.min(box.claimed_at)).where(box.status == "sending")).scalar_one()
    moments = [moment for moment in (queued, claimed and claimed + lost_after) if moment is not None]
    return min(moments, default=None)


def claim(connection: Connection, mail_id: str, at: datetime) -> bool:
    """Take a mail over; True for exactly one worker."""
    return change(
        connection, mail_id, "queued", status="sending", claimed_at=at, attempts=mail_outbox.c.attempts + 1
    )


def requeue(
    connection: Connection, mail_id: str, claimed_at: datetime, due_at: datetime, error: str, **values: Any
) -> None:
    """Let a claimed mail wait for its next attempt, unless the claim was given up for lost in the meantime."""
    connection.execute(
        update(mail_outbox)
        .where(box.id == mail_id, box.status == "sending", box.claimed_at == claimed_at)
        .values(status="queued", due_at=due_at, error=error, **values)
    )


def settle(connection: Connection, mail_id: str, claimed_at: datetime, **values: Any) -> bool:
    """Write how a claimed mail went, also when the claim was given up for lost in the meantime."""
    done = connection.execute(
        update(mail_outbox)
        .where(box.id == mail_id, box.status.in_(("sending", "unknown")), box.claimed_at == claimed_at)
        .values(**values)
    )
    return done.rowcount == 1


def change(connection: Connection, mail_id: str, present: MailState, **values: Any) -> bool:
    """Change a mail that is in the state ``present``."""
    done = connection.execute(update(mail_outbox).where(box.id == mail_id, box.status == present).values(**values))
    return done.rowcount == 1


def give_up_lost(connection: Connection, before: datetime, error: str) -> None:
    """Mark mails as unknown whose worker fell silent: they may have been sent, so they are not sent again."""
    connection.execute(
        update(mail_outbox)
        .where(box.status == "sending", box.claimed_at < before)
        .values(status="unknown", body_sealed=None, error=error)
    )


def fail_sealed_with(connection: Connection, master_keys: Collection[int], error: str) -> int:
    """Mark mails as failed that wait and are sealed with these master keys; return how many. Bodies are wiped."""
    sealed = is_sealed_with(box.body_sealed, master_keys)
    waits = update(mail_outbox).where(sealed, box.status.in_(("queued", "held")))
    failed = connection.execute(waits.values(status="failed", body_sealed=None, error=error)).rowcount
    connection.execute(update(mail_outbox).where(sealed).values(body_sealed=None))
    return failed


def postpone(connection: Connection, at: datetime, until: datetime, **values: Any) -> None:
    """Let every mail that is due wait until a moment."""
    due = (box.status == "queued", box.due_at <= at)
    connection.execute(update(mail_outbox).where(*due).values(due_at=until, **values))


def handed_over(connection: Connection, since: datetime) -> int:
    """Return how many mails went out since a moment, or may have."""
    return _count(connection, and_(box.status.in_(("sent", "unknown", "sending")), box.claimed_at >= since))


def counts(connection: Connection) -> dict[str, int]:
    """Return how many mails there are in each state."""
    rows = connection.execute(select(box.status, func.count()).group_by(box.status))
    return {row.status: row[1] for row in rows}


def sent_since(connection: Connection, since: datetime) -> int:
    """Return how many mails were sent since a moment."""
    return _count(connection, and_(box.status == "sent", box.sent_at >= since))


def last_error(connection: Connection) -> str | None:
    """Return the newest error of a mail that was not sent."""
    return connection.execute(
        select(box.error)
        .where(box.error.is_not(None), box.status.in_(("queued", "failed", "unknown")))
        .order_by(box.claimed_at.desc(), box.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def held_for(connection: Connection, recipient: str) -> Sequence[Held]:
    """Return the notices that wait for a person's digest, oldest first."""
    rows = connection.execute(
        select(box.id, box.subject, box.created_at)
        .where(box.recipient == recipient, box.status == "held")
        .order_by(box.created_at)
    )
    return [Held(row.id, row.subject, row.created_at) for row in rows]


def has_queued(connection: Connection, recipient: str, kind: MailKind) -> bool:
    """Whether a mail of this kind waits for a person."""
    return bool(_count(connection, and_(box.recipient == recipient, box.kind == kind, box.status == "queued")))


def forget(connection: Connection, before: datetime, limit: int) -> int:
    """Drop what was finished and made before a moment; return how many those were, ``limit`` at most."""
    finished = box.status.not_in(("queued", "sending", "held"))
    old = select(box.id).where(finished, box.created_at < before).limit(limit)
    return connection.execute(delete(mail_outbox).where(box.id.in_(old))).rowcount


def empty_failed(connection: Connection, before: datetime, limit: int) -> int:
    """Wipe what failed mails say that were made before a moment; return how many those were."""
    failed = (box.status == "failed", box.body_sealed.is_not(None), box.created_at < before)
    old = select(box.id).where(*failed).limit(limit)
    return connection.execute(update(mail_outbox).where(box.id.in_(old)).values(body_sealed=None)).rowcount


def newest(
    connection: Connection, states: Sequence[MailState], limit: int, before: tuple[datetime, str] | None = None
) -> list[Any]:
    """Return the rows of the newest mails in these states; with ``before`` those behind that moment and id."""
    chosen = select(mail_outbox).where(box.status.in_(states))
    if before is not None:
        at, mail_id = before
        chosen = chosen.where(or_(box.created_at < at, and_(box.created_at == at, box.id < mail_id)))
    return list(connection.execute(chosen.order_by(box.created_at.desc(), box.id.desc()).limit(limit)))


def by_id(connection: Connection, mail_id: str) -> Any:
    """Return the row of a mail."""
    return connection.execute(select(mail_outbox).where(box.id == mail_id)).first()


def hurry(connection: Connection, at: datetime) -> int:
    """Let mail that waits after a failed try be due now; return how much that is."""
    waits = (box.status == "queued", box.error.is_not(None), box.due_at > at)
    return connection.execute(update(mail_outbox).where(*waits).values(due_at=at)).rowcount


def mail_key(connection: Connection) -> MailKeyChoice | None:
    """Return which key was chosen to send mail."""
    chosen = connection.execute(
        select(organisation.c.value).where(organisation.c.name == MAIL_KEY)
    ).scalar_one_or_none()
    return MailKeyChoice(chosen["key_id"], chosen["version"]) if chosen and chosen["key_id"] else None


def choose_mail_key(connection: Connection, key_id: str | None, version: int | None) -> None:
    """Write down which key sends mail, as it is at ``version``."""
    value = {"key_id": key_id, "version": version}
    statement = upsert(connection, organisation).values(name=MAIL_KEY, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _count(connection: Connection, condition: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(mail_outbox).where(condition)).scalar_one())
