"""What was used: of one model by one agent of one person as a month's statement has it, and sums over days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

# From a day to one that is left out, several times.
Spans = tuple[tuple[date, date], ...]
# A day, name or id, empty for "none"; then calls, input and output tokens, cost, calls without a known price.
GroupSums = tuple[str, tuple[int, int, int, int, int]]


@dataclass(frozen=True)
class MonthUse:
    """Sums of calls that are billed in one month; ``used_month`` is when they were sent.

    ``cost_micros`` sums the priced calls; ``unpriced_calls`` counts the others.
    """

    department: str | None
    user_id: str
    person: str
    email: str
    agent_id: str | None
    agent: str
    provider: str
    model: str
    is_pool: bool
    used_month: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: int
    unpriced_calls: int


@dataclass(frozen=True)
class Named:
    """What an id or a slug in the sums belongs to; ``owner_id`` is there for agents, workflows and keys."""

    id: str
    name: str
    owner_id: str | None
    is_pool: bool
