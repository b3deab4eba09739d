"""The SQL of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, text, update

from core.audit.head import Head
from core.audit.models import AuditEntry
from core.db import Connection
from core.db.tables import audit_head, audit_log, audit_segments

# Any number, the same in every process: "audit" on a telephone's keys.
ADVISORY_LOCK = 28348

log = audit_log.c
SEARCHED = (
    log.actor_email,
    log.on_behalf_of,
    log.action,
    log.object_type,
    log.object_id,
    log.address,
    log.result,
    log.request_id,
)


def last(connection: Connection) -> Head:
    """Return number and MAC of the newest entry; nobody else appends until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
    row = connection.execute(select(log.seq, log.mac).order_by(log.seq.desc()).limit(1)).first()
    return Head(row.seq, row.mac) if row else Head(0, "")


def head(connection: Connection) -> tuple[Head, str] | None:
    """Return where the chain ends as it is noted, and the seal of that."""
    row = connection.execute(select(audit_head)).first()
    return (Head(row.seq, row.mac), row.seal) if row else None


def insert_head(connection: Connection, new: Head, seal: str) -> None:
    """Note for the first time where the chain ends."""
    connection.execute(insert(audit_head).values(id=1, seq=new.seq, mac=new.mac, seal=seal))


def move_head(connection: Connection, old: Head, old_seal: str, new: Head, seal: str) -> bool:
    """Note where the chain ends now; False when what is noted is not what it should have been."""
    moved = connection.execute(
        update(audit_head)
        .where(audit_head.c.seq == old.seq, audit_head.c.mac == old.mac, audit_head.c.seal == old_seal)
        .values(seq=new.seq, mac=new.mac, seal=seal)
    )
    return moved.rowcount == 1


def put_head(connection: Connection, new: Head, seal: str) -> None:
    """Note where the chain ends, whatever was noted before."""
    connection.execute(delete(audit_head))
    insert_head(connection, new, seal)


def segments(connection: Connection, *, newest_only: bool = False) -> list[tuple[int, bytes | None]]:
    """Return from which entries on there are keys, with these sealed: oldest first, or the newest only."""
    first = audit_segments.c.first_seq
    query = select(first, audit_segments.c.key_sealed).order_by(first.desc() if newest_only else first)
    rows = connection.execute(query.limit(1) if newest_only else query)
    return [(row.first_seq, row.key_sealed) for row in rows]


def put_segment(connection: Connection, first_seq: int, sealed: bytes, at: datetime) -> None:
    """Note a key and from which entry on it is used; it takes the place of one that no entry was chained with."""
    connection.execute(delete(audit_segments).where(audit_segments.c.first_seq == first_seq))
    connection.execute(insert(audit_segments).values(first_seq=first_seq, key_sealed=sealed, created_at=at))


def append(connection: Connection, entry: AuditEntry, previous: str, mac: str) -> None:
    """Add an entry."""
    values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    connection.execute(
        insert(audit_log).values(**{**values, "detail": dict(entry.detail)}, previous=previous, mac=mac)
    )


def all_entries(connection: Connection) -> Iterator[tuple[AuditEntry, str, str]]:
    """Yield every entry with the MAC before it and its own, oldest first."""
    for row in connection.execute(select(audit_log).order_by(log.seq).execution_options(yield_per=1000)):
        yield _entry(row), row.previous, row.mac


def all_entries_and_head(
    connection: Connection,
) -> Iterator[tuple[AuditEntry, str, str, tuple[Head, str] | None]]:
    """Yield every entry as ``all_entries`` does, and the head of the same moment: one statement sees both."""
    noted = [
        column.label(f"head_{column.name}") for column in (audit_head.c.seq, audit_head.c.mac, audit_head.c.seal)
    ]
    query = select(audit_log, *noted).select_from(audit_log.outerjoin(audit_head, audit_head.c.id == 1))
    for row in connection.execute(query.order_by(log.seq).execution_options(yield_per=1000)):
        found = None if row.head_seq is None else (Head(row.head_seq, row.head_mac), row.head_seal)
        yield _entry(row), row.previous, row.mac, found


def search(
    connection: Connection,
    words: str,
    action: str,
    since: datetime,
    until: datetime,
    limit: int,
    before: int | None = None,
) -> list[AuditEntry]:
    """Return entries in ``[since, until)``, newest first; with ``before`` only those of a smaller number."""
    query = select(audit_log).where(log.at >= since, log.at < until)
    if before is not None:
        query = query.where(log.seq < before)
    if action:
        query = query.where(log.action == action)
    if words:
        pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        query = query.where(or_(*(func.lower(column).like(pattern, escape="\\") for column in SEARCHED)))
    rows = connection.execute(query.order_by(log.seq.desc()).limit(limit))
    return [_entry(row) for row in rows]


def actions(connection: Connection) -> list[str]:
    """Return every kind of action there is."""
    return [row.action for row in connection.execute(select(log.action).distinct().order_by(log.action))]


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(**{name: getattr(row, name) for name in AuditEntry.__dataclass_fields__})
