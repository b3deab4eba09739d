"""Sums of model calls as the API tells them: calls, tokens, cost."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.api.schemas import Output
from core.usage.models import Totals


class Sums(Output):
    """Sums over calls. ``cost_micros`` is of those with a known price, null when none has one."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: Annotated[int | None, Field(description="Micro-dollars; null: unknown, which is not nothing.")]
    unpriced_calls: Annotated[int, Field(description="Calls whose price is unknown; they are not in the cost.")]

    @classmethod
    def of(cls, totals: Totals) -> Sums:
        """Return sums of the core."""
        return Sums(**_fields(totals))


class UsageItem(Sums):
    """What was used by one group, such as a day or an agent."""

    group: Annotated[str | None, Field(description="A day, name or id; null: of none.", examples=["2026-11-24"])]
    label: Annotated[str | None, Field(description="What people call it, where the group is an id or a slug.")]


def usage_item(group: str | None, label: str | None, totals: Totals) -> UsageItem:
    """Return one line of usage."""
    return UsageItem(group=group, label=label, **_fields(totals))


def _fields(totals: Totals) -> dict[str, Any]:
    return {
        "calls": totals.calls,
        "input_tokens": totals.input_tokens,
        "output_tokens": totals.output_tokens,
        "cost_micros": totals.known_cost_micros,
        "unpriced_calls": totals.unpriced_calls,
    }
