"""Model calls and their sums. Money is micro-dollars; None means the price is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Literal

from core.prices.models import UNKNOWN, Price

# Whose use is asked for: one's own, one's department's, everybody's.
Scope = Literal["mine", "department", "everybody"]
# What sums are told apart by; a day is one in UTC.
Group = Literal["day", "model", "provider", "agent", "workflow", "user", "department", "key"]
CallStatus = Literal["open", "answered", "failed", "interrupted"]


@dataclass(frozen=True)
class CallOrigin:
    """For whom a call is made, and who pays: everything that is known before it is sent.

    ``department`` is the person's, which pays; ``is_pool`` says that the organisation's key was used.
    """

    run_id: str
    node_id: str
    agent_id: str | None
    user_id: str
    department: str | None
    key_id: str
    provider: str
    model: str
    is_pool: bool = False


@dataclass(frozen=True)
class ModelCall:
    """One call in the books; ``price`` is what it was billed with, or is sent at."""

    id: str
    run_id: str
    node_id: str
    provider: str
    model: str
    status: CallStatus
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_micros: int | None
    price_version: str | None
    error_code: str | None
    started_at: datetime
    duration_ms: int | None
    price: Price = UNKNOWN


@dataclass(frozen=True)
class Totals:
    """Sums over calls. ``cost_micros`` sums the priced ones; ``unpriced_calls`` counts the others."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    unpriced_calls: int = 0

    @property
    def known_cost_micros(self) -> int | None:
        """The cost, or None when no call has a known price."""
        return None if self.calls and self.unpriced_calls == self.calls else self.cost_micros


@dataclass(frozen=True)
class PersonTotals:
    """Sums of one person."""

    name: str
    email: str
    totals: Totals


@dataclass(frozen=True)
class DayTotals:
    """Sums of one day (UTC) and model."""

    day: date
    model: str
    totals: Totals


@dataclass(frozen=True)
class DayUse:
    """What a key was used for in one day (UTC); ``totals`` is without the ``failed`` calls."""

    day: date
    totals: Totals = Totals()
    failed: int = 0
    last_at: datetime | None = None
    last_answered_at: datetime | None = None


@dataclass(frozen=True)
class CallErrors:
    """How often calls failed with one code, and when last."""

    code: str
    count: int
    last_at: datetime


@dataclass(frozen=True)
class KeyUse:
    """The use of a key: one entry a day up to today, empty days included; errors, the most frequent first."""

    days: tuple[DayUse, ...] = ()
    errors: tuple[CallErrors, ...] = ()

    @classmethod
    def of(cls, days: Iterable[date], used: Iterable[DayUse], errors: Iterable[CallErrors]) -> KeyUse:
        """Return the use on these days, of which some have none."""
        by_day = {use.day: use for use in used}
        return cls(tuple(by_day.get(day, DayUse(day)) for day in days), tuple(errors))

    def totals(self, days: int) -> Totals:
        """Return the sums of the last so many days."""
        return sum_of(day.totals for day in self.days[-days:])

    @property
    def failed(self) -> int:
        """How many calls failed."""
        return sum(day.failed for day in self.days)

    @property
    def error_rate(self) -> float | None:
        """The share of calls that failed; None without calls."""
        ended = self.failed + sum(day.totals.calls for day in self.days)
        return self.failed / ended if ended else None

    @property
    def last_at(self) -> datetime | None:
        """When the last call was sent, whatever became of it."""
        return max((day.last_at for day in self.days if day.last_at), default=None)

    @property
    def last_answered_at(self) -> datetime | None:
        """When the last call was sent that the provider answered."""
        return max((day.last_answered_at for day in self.days if day.last_answered_at), default=None)


@dataclass(frozen=True)
class GroupTotals:
    """Sums of one group: a day such as ``2026-11-24``, a name or an id; None for calls that belong to none.

    ``label`` is what people call it where the group is an id or a slug, and the person who asked may know.
    """

    group: str | None
    label: str | None
    totals: Totals


def sum_of(parts: Iterable[Totals]) -> Totals:
    """Add sums up."""
    return Totals(*map(sum, zip(*map(astuple, parts), strict=True)))


def counted(calls: Iterable[ModelCall]) -> Totals:
    """Add calls up as the books do: open ones have used nothing yet, failed ones never."""
    used = [call for call in calls if call.status in ("answered", "interrupted")]
    return Totals(
        len(used),
        sum(call.input_tokens or 0 for call in used),
        sum(call.output_tokens or 0 for call in used),
        sum(call.cost_micros or 0 for call in used),
        sum(call.cost_micros is None for call in used),
    )
