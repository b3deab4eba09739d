"""Calendar months in UTC, written ``2026-11``: texts of this form sort by time."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime

from core.errors import Invalid

_FORM = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


def month_of(moment: datetime) -> str:
    """Return the month a moment belongs to."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def checked(month: str) -> str:
    """Return ``month`` when it is one.

    Raises:
        Invalid: it is not written as ``2026-11``.
    """
    if not _FORM.fullmatch(month):
        raise Invalid("Write the month as year and month, such as 2026-11.", "month")
    return month


def begin_of(month: str) -> datetime:
    """Return the first moment of a month."""
    year, number = _parts(month)
    return datetime(year, number, 1, tzinfo=UTC)


def end_of(month: str) -> datetime:
    """Return the first moment after a month."""
    return begin_of(shifted(month, 1))


def shifted(month: str, count: int) -> str:
    """Return the month so many months later, or earlier by a negative number."""
    year, number = _parts(month)
    years, index = divmod(year * 12 + number - 1 + count, 12)
    return f"{years:04}-{index + 1:02}"


def name_of(month: str) -> str:
    """Return how people write it: ``November 2026``."""
    year, number = _parts(month)
    return f"{calendar.month_name[number]} {year}"


def span(first: str, last: str) -> list[str]:
    """Return every month from ``first`` to ``last``, both included; none when they are the wrong way round."""
    found = []
    while first <= last:
        found.append(first)
        first = shifted(first, 1)
    return found


def _parts(month: str) -> tuple[int, int]:
    year, number = month.split("-")
    return int(year), int(number)
