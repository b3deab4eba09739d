"""How numbers, times and states read. Pure functions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from core import clock
from core.quotas.models import Allowance
from core.runs.models import QueuePlace, Run
from core.usage.models import Totals

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray", "grey", "primary"]

UNKNOWN = "unknown"


def money(micros: int | None) -> str:
    """Show micro-dollars with the digits that matter: $0, $0.00042, $0.0123, $12.40, $1,204."""
    if micros is None:
        return UNKNOWN
    dollars = micros / 1_000_000
    if micros == 0:
        return "$0"
    # The borders are where rounding reaches the next form, so that $0.99996 is $1.00 and not $1.0000.
    if dollars >= 999.995:
        return f"${dollars:,.0f}"
    if dollars >= 0.99995:
        return f"${dollars:.2f}"
    if dollars >= 0.01:
        return f"${dollars:.4f}"
    return f"${dollars:.6f}".rstrip("0")


def cents(count: int | None) -> str:
    """Show cents as dollars with both digits: $0.00, $1,204.50, −$2.50."""
    if count is None:
        return UNKNOWN
    return f"{'−' if count < 0 else ''}${abs(count) // 100:,}.{abs(count) % 100:02}"


def cents_known(count: int, calls: int, unpriced_calls: int) -> str:
    """Show cents of calls and say when they are not the whole truth, as ``cost`` does."""
    if calls and calls == unpriced_calls:
        return UNKNOWN
    return f"{cents(count)} +" if unpriced_calls else cents(count)


def cost(totals: Totals) -> str:
    """Show a sum of costs and say when it is not the whole truth."""
    shown = money(totals.known_cost_micros)
    return f"{shown} +" if totals.unpriced_calls and totals.known_cost_micros is not None else shown


def tokens(count: int | None) -> str:
    """Show a number of tokens: 950, 1.2 k, 3.4 M."""
    if count is None:
        return UNKNOWN
    if count < 1000:
        return str(count)
    if count < 999_950:
        return f"{count / 1000:.1f} k"
    return f"{count / 1_000_000:.1f} M"


def allowance(allowed: Allowance) -> str:
    """Show what is limited: 60 requests a minute · 1 run at once."""
    parts = (
        (allowed.requests_per_minute, "request", "a minute"),
        (allowed.tokens_per_minute, "token", "a minute"),
        (allowed.concurrent_runs, "run", "at once"),
    )
    return " · ".join(f"{n:,} {of}{'' if n == 1 else 's'} {how}" for n, of, how in parts if n is not None)


def duration(seconds: float) -> str:
    """Show a duration: 0.4 s, 12 s, 3 min 5 s, 2 h 10 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def ago(moment: datetime | None) -> str:
    """Show how long ago something was: just now, 5 min ago, 3 h ago, 2 days ago, then the date."""
    if moment is None:
        return "never"
    seconds = (clock.now() - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    days = int(seconds // 86_400)
    return f"{days} day{'s' if days > 1 else ''} ago" if days < 8 else f"{moment:%Y-%m-%d}"


def at_place(moment: datetime, timezone: str) -> str:
    """Show a moment as clocks in a time zone do: Mon 2 Mar 09:00."""
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def share(part: float | None) -> str:
    """Show a share in percent: 0 %, 0.4 %, 12 %; a dash when there is nothing to share."""
    if part is None:
        return "–"
    percent = part * 100
    return f"{percent:.1f} %" if 0 < percent < 9.95 else f"{percent:.0f} %"


def days_left(count: int) -> str:
    """Show when a day comes, by how many days are left: expired, today, tomorrow, in 5 days."""
    if count < 0:
        return f"expired {-count} day{'s' if count < -1 else ''} ago"
    return {0: "expires today", 1: "expires tomorrow"}.get(count, f"expires in {count} days")


def run_seconds(run: Run) -> float | None:
    """Return how long a run has been working, or worked; None before it starts."""
    if run.started_at is None:
        return None
    return ((run.ended_at or clock.now()) - run.started_at).total_seconds()


def queue_place(place: QueuePlace | None) -> str | None:
    """Say in one sentence what a queued run waits for; None when it is next in line."""
    if place is None or not (place.full or place.ahead):
        return None
    if place.full is None:
        return "One run is ahead of yours." if place.ahead == 1 else f"{place.ahead:,} runs are ahead of yours."
    one = place.full.working == 1
    whose = {
        "person": "of your runs",
        "department": f"{'run' if one else 'runs'} of your department",
        "key": f"{'run' if one else 'runs'} on the same key",
    }[place.full.scope]
    verb = "is" if one else "are"
    return f"{place.full.working:,} {whose} {verb} working; the limit is {place.full.limit:,}."


def size(count: int) -> str:
    """Show a number of bytes in MB."""
    return f"{count / 1_000_000:.0f} MB"


_STATUS: dict[str, tuple[str, str, Colour]] = {
    "queued": ("Queued", ":material/schedule:", "gray"),
    "running": ("Running", ":material/progress_activity:", "blue"),
    "waiting": ("Waiting", ":material/hourglass_empty:", "orange"),
    "succeeded": ("Succeeded", ":material/check_circle:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "cancelled": ("Cancelled", ":material/cancel:", "gray"),
}


def status(run: Run) -> tuple[str, str, Colour]:
    """Return the label, icon and colour of a run's state."""
    if run.is_stopping:
        return ("Stopping", ":material/hourglass_empty:", "orange")
    return _STATUS[run.status]
