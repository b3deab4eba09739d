"""When a schedule is due: cron expressions of five fields in a time zone, and what they mean in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from core.errors import Invalid

FIELDS = 5
LONGEST = 100
# Looked at before somebody who never comes due is told so: croniter itself gives up after 50 years.
_HOUR = 1


@lru_cache(maxsize=1)
def time_zones() -> tuple[str, ...]:
    """Return the names of time zones that a person may choose, in order."""
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


def clean_cron(given: str) -> str:
    """Return an expression of five fields, minute first, as it is stored.

    Raises:
        Invalid: it is none, or it is never due.
    """
    from croniter import croniter

    cron = " ".join(given.split())
    if not cron or len(cron) > LONGEST or len(cron.split(" ")) != FIELDS or not cron.isascii():
        raise Invalid("Enter five fields: minute, hour, day, month, weekday. For example 0 9 * * 1-5.", "cron")
    if not croniter.is_valid(cron):
        raise Invalid("This cannot be read as minute, hour, day, month, weekday. For example 0 9 * * 1-5.", "cron")
    if next(_times(cron, "UTC", datetime(2000, 1, 1, tzinfo=UTC)), None) is None:
        raise Invalid("This is never due: there is no such day.", "cron")
    return cron


def clean_timezone(given: str) -> str:
    """Return the name of a time zone; raises ``Invalid`` when there is none of this name."""
    if given not in time_zones():
        raise Invalid("Choose a time zone, such as Europe/Berlin.", "timezone")
    return given


def next_times(cron: str, timezone: str, after: datetime, count: int) -> Sequence[datetime]:
    """Return the next moments (UTC) at which a schedule is due, later than ``after``.

    Where the clock is put forward over a time, it is due right after the gap; where it is put back, once, unless
    it is due every hour anyway.
    """
    found = []
    for moment in _times(cron, timezone, after):
        found.append(moment)
        if len(found) == count:
            break
    return found


def due_times(cron: str, timezone: str, after: datetime, until: datetime, limit: int) -> Sequence[datetime]:
    """Return the moments in ``(after, until]``: the latest ``limit`` of them, in order."""
    found: list[datetime] = []
    for moment in _times(cron, timezone, after):
        if moment > until:
            break
        found.append(moment)
        del found[:-limit]
    return found


def in_words(cron: str) -> str:
    """Return what an expression means, in English."""
    from cron_descriptor import CasingTypeEnum, ExpressionDescriptor, Options

    options = Options()
    options.use_24hour_time_format = True
    options.casing_type = CasingTypeEnum.Sentence
    return str(ExpressionDescriptor(cron, options).get_description())


def _times(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    from croniter import croniter
    from croniter.croniter import CroniterBadDateError

    is_hourly = any(mark in cron.split(" ")[_HOUR] for mark in ("*", "/", "-", ","))
    times = croniter(cron, after.astimezone(ZoneInfo(timezone)))
    last = after
    while True:
        try:
            local = times.get_next(datetime)
        except CroniterBadDateError:
            return
        moment = local.astimezone(UTC)
        # The same hour of the clock for the second time.
        if moment <= last or (local.fold and not is_hourly):
            continue
        last = moment
        yield moment
