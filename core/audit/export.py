"""Audit entries as CSV that a spreadsheet shows and never computes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.audit.models import AuditEntry
from core.csv_cells import as_csv, harmless

COLUMNS = (
    "seq",
    "at",
    "actor_id",
    "actor_email",
    "address",
    "action",
    "object_type",
    "object_id",
    "result",
    "request_id",
    "detail",
    "on_behalf_of",
)


def heading_as_csv() -> str:
    """Return the line of column names."""
    return as_csv([COLUMNS])


def entries_as_csv(entries: Sequence[AuditEntry]) -> str:
    """Return one line per entry."""
    return as_csv([harmless(str(value)) for value in _values(entry)] for entry in entries)


def _values(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.seq,
        entry.at.isoformat(),
        entry.actor_id or "",
        entry.actor_email,
        entry.address,
        entry.action,
        entry.object_type,
        entry.object_id,
        entry.result,
        entry.request_id,
        json.dumps(entry.detail, ensure_ascii=False, sort_keys=True) if entry.detail else "",
        entry.on_behalf_of,
    )
