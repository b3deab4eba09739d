"""Sums by one thing: which column it is, whole days apart from what is left of others, and the order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from core.usage.models import Group, GroupTotals, Totals, sum_of

# The column that tells groups apart; no call knows of a workflow.
COLUMNS: Mapping[Group, str] = {
    "day": "day",
    "model": "model",
    "provider": "provider",
    "agent": "agent_id",
    "workflow": "",
    "user": "user_id",
    "department": "department",
    "key": "key_id",
}
Window = tuple[datetime, datetime]


def split(since: datetime, until: datetime) -> tuple[tuple[date, date], list[Window]]:
    """Return the whole days (UTC) in ``[since, until)``, as ``[first, end)``, and what is left at either end."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    first = since.date() if since.time() == time() else since.date() + timedelta(days=1)
    end = until.date()
    if first >= end:
        return (first, first), [(since, until)] if since < until else []
    edges = [(since, _begin(first)), (_begin(end), until)]
    return (first, end), [(a, b) for a, b in edges if a < b]


def merged(
    group: Group, parts: Iterable[tuple[str, Totals]], labels: Mapping[str, str] | None = None
) -> list[GroupTotals]:
    """Return one line a group: days in their order, others the dearest first."""
    found: dict[str, list[Totals]] = {}
    for name, totals in parts:
        found.setdefault(name, []).append(totals)
    lines = [GroupTotals(name or None, (labels or {}).get(name), sum_of(totals)) for name, totals in found.items()]
    if group == "day":
        return sorted(lines, key=lambda line: line.group or "")
    return sorted(lines, key=lambda line: (-line.totals.cost_micros, -line.totals.calls, line.group or ""))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
