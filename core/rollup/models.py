"""What one person used of one model by one agent, as a month's statement has it."""

from __future__ import annotations

from dataclasses import dataclass


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
