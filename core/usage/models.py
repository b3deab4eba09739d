"""Model calls and their sums. Money is micro-dollars; None means the price is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from core.prices.models import UNKNOWN, Price

# Whose use is asked for: one's own, one's department's, everybody's.
Scope = Literal["mine", "department", "everybody"]
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
