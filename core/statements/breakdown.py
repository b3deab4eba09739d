"""A statement's use by person, agent or model, in cents that add up to what each department is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.rollup.models import MonthUse
from core.statements.models import Statement
from core.statements.rounding import cents_of

By = Literal["person", "agent", "model"]
# An id and what people read, twice: the second is smaller print.
Group = tuple[str, str, str]

_GROUPS: dict[By, Callable[[MonthUse], Group]] = {
    "person": lambda use: (use.user_id, use.person, use.email),
    "agent": lambda use: (use.agent_id or "", use.agent or "No agent", ""),
    "model": lambda use: (f"{use.provider}/{use.model}", use.model, use.provider),
}


@dataclass(frozen=True)
class BreakdownRow:
    """What one person, agent or model comes to in one department; ``used_month`` is an earlier one when it is late.

    A cost is None when no call of it has a known price.
    """

    name: str
    detail: str
    department: str | None
    used_month: str
    calls: int
    input_tokens: int
    output_tokens: int
    unpriced_calls: int
    own_cents: int | None
    pool_cents: int | None

    @property
    def cents(self) -> int | None:
        """The cost on all keys, or None when nothing of it is known."""
        if self.calls and self.unpriced_calls == self.calls:
            return None
        return (self.own_cents or 0) + (self.pool_cents or 0)


def break_down(statement: Statement, by: By) -> list[BreakdownRow]:
    """Return the rows of every department on the statement, who costs most first."""
    rows: list[BreakdownRow] = []
    for sums in statement.departments:
        groups: dict[tuple[Group, str], list[MonthUse]] = {}
        for use in statement.uses:
            if use.department == sums.department:
                groups.setdefault((_GROUPS[by](use), use.used_month), []).append(use)
        own = cents_of([_cost(uses, is_pool=False) for uses in groups.values()], sums.cents.own)
        pool = cents_of([_cost(uses, is_pool=True) for uses in groups.values()], sums.cents.pool)
        rows += [
            BreakdownRow(
                name=group[1],
                detail=group[2],
                department=sums.department,
                used_month=used_month,
                calls=sum(use.calls for use in uses),
                input_tokens=sum(use.input_tokens for use in uses),
                output_tokens=sum(use.output_tokens for use in uses),
                unpriced_calls=sum(use.unpriced_calls for use in uses),
                own_cents=_known(uses, own[place], is_pool=False),
                pool_cents=_known(uses, pool[place], is_pool=True),
            )
            for place, ((group, used_month), uses) in enumerate(groups.items())
        ]
    return sorted(rows, key=lambda row: (-(row.cents or 0), -row.calls, row.name, row.detail))


def _cost(uses: Sequence[MonthUse], *, is_pool: bool) -> int:
    return sum(use.cost_micros for use in uses if use.is_pool is is_pool)


def _known(uses: Sequence[MonthUse], cents: int, *, is_pool: bool) -> int | None:
    calls = sum(use.calls for use in uses if use.is_pool is is_pool)
    unpriced = sum(use.unpriced_calls for use in uses if use.is_pool is is_pool)
    return None if calls and calls == unpriced else cents
