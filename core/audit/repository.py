"""The SQL of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, text

from core.audit.models import AuditEntry
from core.db import Connection
from core.db.tables import audit_log

# Any number, the same in every process: "audit" on a telephone's keys.
ADVISORY_LOCK = 28348

log = audit_log.c


def last(connection: Connection) -> tuple[int, str]:
    """Return number and MAC of the newest entry; nobody else appends until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
    row = connection.execute(select(log.seq, log.mac).order_by(log.seq.desc()).limit(1)).first()
    return (row.seq, row.mac) if row else (0, "")


def append(connection: Connection, entry: AuditEntry, previous: str, mac: str) -> None:
    """Add an entry."""
    values = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    connection.execute(
        insert(audit_log).values(**{**values, "detail": dict(entry.detail)}, previous=previous, mac=mac)
    )


def all_entries(connection: Connection) -> Iterator[tuple[AuditEntry, str, str]]:
    """Yield every entry with the MAC before it and its own, oldest first."""
    for row in connection.execute(select(audit_log).order_by(log.seq)):
        yield _entry(row), row.previous, row.mac


def search(
    connection: Connection, words: str, action: str, since: datetime, until: datetime, limit: int
) -> list[AuditEntry]:
    """Return entries in ``[since, until)``, newest first."""
    query = select(audit_log).where(log.at >= since, log.at < until)
    if action:
        query = query.where(log.action == action)
    if words:
        pattern = "%" + words.lower().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        query = query.where(
            or_(
                *(
                    func.lower(column).like(pattern, escape="\\")
                    for column in (log.actor_email, log.action, log.object_id, log.address, log.result)
                )
            )
        )
    rows = connection.execute(query.order_by(log.seq.desc()).limit(limit))
    return [_entry(row) for row in rows]


def actions(connection: Connection) -> list[str]:
    """Return every kind of action there is."""
    return [row.action for row in connection.execute(select(log.action).distinct().order_by(log.action))]


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(**{name: getattr(row, name) for name in AuditEntry.__dataclass_fields__})
