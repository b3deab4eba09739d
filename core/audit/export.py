"""Audit entries as CSV that a spreadsheet shows and never computes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from core.audit.models import AuditEntry

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
# OWASP, CSV injection: a cell that begins like this is a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def heading_as_csv() -> str:
    """Return the line of column names."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(COLUMNS)
    return text.getvalue()


def entries_as_csv(entries: Sequence[AuditEntry]) -> str:
    """Return one line per entry."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    for entry in entries:
        detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True) if entry.detail else ""
        values = (
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
            detail,
            entry.on_behalf_of,
        )
        writer.writerow([_harmless(str(value)) for value in values])
    return text.getvalue()


def _harmless(cell: str) -> str:
    # An apostrophe in front: spreadsheets then read the cell as text.
    return "'" + cell if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell
