"""A month's statement: its lines and its sums. Money is exact micro-dollars; shown amounts are whole cents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.rollup.models import MonthUse
from core.shared_costs.models import RuleKind

# How a share was split in the end. ``passed_on``: what "No department" gives to those that have a name.
SplitBy = RuleKind | Literal["equally", "passed_on"]
# The item of a share that is no shared cost: calls whose department nobody knows.
NO_DEPARTMENT = "no_department"
NO_DEPARTMENT_NAME = "No department"
# Whose lines a statement has: one's own use, one department's, or all.
View = Literal["mine", "department", "everybody"]


@dataclass(frozen=True)
class MonthState:
    """A month that has a statement. ``is_next``: it is over, and the next one to close."""

    month: str
    closed_at: datetime | None
    is_next: bool


@dataclass(frozen=True)
class ShareLine:
    """A department's part of a shared cost of ``whole_micros``."""

    department: str | None
    item_id: str
    label: str
    whole_micros: int
    split_by: SplitBy
    micros: int


@dataclass(frozen=True)
class Adjustment:
    """An amount added to what a department pays, or taken off; ``reverses`` names the one it takes back."""

    id: str
    month: str
    department: str
    micros: int
    reason: str
    person: str
    at: datetime
    reverses: str | None


@dataclass(frozen=True)
class Cents:
    """A department's sums as they are shown; ``total`` over all departments is the grand total to the cent."""

    own: int
    pool: int
    shared: int
    adjustments: int

    @property
    def subtotal(self) -> int:
        """All use."""
        return self.own + self.pool

    @property
    def total(self) -> int:
        """Use, shared costs and adjustments."""
        return self.subtotal + self.shared + self.adjustments

    @property
    def charged(self) -> int:
        """The total without own keys: their owners pay the provider themselves."""
        return self.total - self.own


@dataclass(frozen=True)
class DepartmentSums:
    """What a department's lines add up to; ``heads`` are its active people at the end of the month.

    Own keys are those of people, pool keys the organisation's. The costs sum the priced calls.
    """

    department: str | None
    name: str
    heads: int
    own_calls: int
    own_unpriced: int
    own_micros: int
    pool_calls: int
    pool_unpriced: int
    pool_micros: int
    late_micros: int
    input_tokens: int
    output_tokens: int
    shared_micros: int
    adjustments_micros: int
    cents: Cents

    @property
    def total_micros(self) -> int:
        """Use, shared costs and adjustments."""
        return self.own_micros + self.pool_micros + self.shared_micros + self.adjustments_micros

    @property
    def is_empty(self) -> bool:
        """Whether nothing was used, shared or adjusted."""
        return not (self.own_calls or self.pool_calls or self.shared_micros or self.adjustments_micros)


@dataclass(frozen=True)
class Statement:
    """A month as somebody sees it. ``closed_at`` is None while the numbers still move.

    ``open_calls`` were sent by the end of the month and are not settled: closing leaves them to a later month.
    """

    month: str
    view: View
    closed_at: datetime | None
    closed_by: str
    open_calls: int
    departments: tuple[DepartmentSums, ...]
    uses: tuple[MonthUse, ...]
    shares: tuple[ShareLine, ...]
    adjustments: tuple[Adjustment, ...]

    @property
    def total_micros(self) -> int:
        """The sum of every line."""
        return sum(sums.total_micros for sums in self.departments)

    @property
    def unpriced_calls(self) -> int:
        """Calls whose price is unknown; they are in no amount."""
        return sum(sums.own_unpriced + sums.pool_unpriced for sums in self.departments)

    @property
    def late_months(self) -> tuple[str, ...]:
        """Earlier months with calls that were settled after those months were closed."""
        return tuple(sorted({use.used_month for use in self.uses if use.used_month != self.month}))

    def name_of(self, department: str | None) -> str:
        """Return a department's name as it is on this statement."""
        found = (sums.name for sums in self.departments if sums.department == department)
        return next(found, department or NO_DEPARTMENT_NAME)
