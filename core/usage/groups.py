"""Sums by one thing: which column it is, from where each part of a time is read, and the order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from core.usage.models import Group, GroupTotals, Totals, sum_of

# The column that tells groups apart.
COLUMNS: Mapping[Group, str] = {
    "day": "day",
    "model": "model",
    "provider": "provider",
    "agent": "agent_id",
    "workflow": "workflow_id",
    "user": "user_id",
    "department": "department",
    "key": "key_id",
}
# Longer than any month.
MONTH = timedelta(days=31)


@dataclass(frozen=True)
class Parts:
    """A time in whole months, whole days, and what is left: each from a beginning to an end that is left out."""

    months: tuple[tuple[date, date], ...]
    days: tuple[tuple[date, date], ...]
    moments: tuple[tuple[datetime, datetime], ...]


def split(since: datetime, until: datetime) -> Parts:
    """Return the parts of ``[since, until)``, in UTC."""
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    first = since.date() if since.time() == time() else since.date() + timedelta(days=1)
    end = until.date()
    if first >= end:
        return Parts((), (), ((since, until),) if since < until else ())
    month = first if first.day == 1 else (first.replace(day=1) + MONTH).replace(day=1)
    month_end = end.replace(day=1)
    days = [(first, month), (month_end, end)] if month < month_end else [(first, end)]
    moments = [(since, _begin(first)), (_begin(end), until)]
    return Parts(
        months=((month, month_end),) if month < month_end else (),
        days=tuple((a, b) for a, b in days if a < b),
        moments=tuple((a, b) for a, b in moments if a < b),
    )


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
