"""Adds a month's lines up to sums by department. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.rollup.models import MonthUse
from core.statements.models import (
    NO_DEPARTMENT_NAME,
    Adjustment,
    Cents,
    DepartmentSums,
    ShareLine,
    Statement,
    View,
)
from core.statements.rounding import cents_of


@dataclass(frozen=True)
class DepartmentLine:
    """A department as a month has it; ``cents`` are there when the month was closed."""

    department: str
    name: str
    heads: int
    cents: Cents | None = None


def add_up(
    month: str,
    departments: Sequence[DepartmentLine],
    uses: Sequence[MonthUse],
    shares: Sequence[ShareLine],
    adjustments: Sequence[Adjustment],
) -> tuple[DepartmentSums, ...]:
    """Return the sums of every department, and of what belongs to none when there is such a thing."""
    lines = list(departments)
    none = DepartmentLine("", NO_DEPARTMENT_NAME, 0)
    if not any(line.department == "" for line in lines) and any(use.department is None for use in uses):
        lines.append(none)
    sums = [_sums(month, line, uses, shares, adjustments) for line in lines]
    shown = [line.cents for line in lines]
    if all(cents is not None for cents in shown):
        return tuple(replace(one, cents=cents) for one, cents in zip(sums, shown, strict=True) if cents)
    return tuple(replace(one, cents=cents) for one, cents in zip(sums, in_cents(sums), strict=True))


def in_cents(sums: Sequence[DepartmentSums]) -> list[Cents]:
    """Return what is shown of sums: totals that add up to the rounded grand total, parts that add up to each total.

    Both by the largest remainder method (``core.statements.rounding``).
    """
    totals = cents_of([one.total_micros for one in sums])
    return [
        Cents(*cents_of([one.own_micros, one.pool_micros, one.shared_micros, one.adjustments_micros], total))
        for one, total in zip(sums, totals, strict=True)
    ]


def only(statement: Statement, view: View, department: str | None, user_id: str | None = None) -> Statement:
    """Return what one department, or one person, sees of a statement; the amounts stay as everybody sees them."""
    if view == "mine":
        uses = tuple(use for use in statement.uses if use.user_id == user_id)
        names = {use.department: statement.name_of(use.department) for use in uses}
        lines = [DepartmentLine(slug or "", name, 0) for slug, name in names.items()]
        sums = add_up(statement.month, lines, uses, (), ())
        return replace(statement, view=view, open_calls=0, departments=sums, uses=uses, shares=(), adjustments=())
    return replace(
        statement,
        view=view,
        open_calls=statement.open_calls if view == "everybody" else 0,
        departments=tuple(one for one in statement.departments if one.department == department),
        uses=tuple(use for use in statement.uses if use.department == department),
        shares=tuple(share for share in statement.shares if share.department == department),
        adjustments=tuple(one for one in statement.adjustments if one.department == department),
    )


def _sums(
    month: str,
    line: DepartmentLine,
    uses: Sequence[MonthUse],
    shares: Sequence[ShareLine],
    adjustments: Sequence[Adjustment],
) -> DepartmentSums:
    department = line.department or None
    mine = [use for use in uses if use.department == department]
    own, pool = [use for use in mine if not use.is_pool], [use for use in mine if use.is_pool]
    return DepartmentSums(
        department=department,
        name=line.name,
        heads=line.heads,
        own_calls=sum(use.calls for use in own),
        own_unpriced=sum(use.unpriced_calls for use in own),
        own_micros=sum(use.cost_micros for use in own),
        pool_calls=sum(use.calls for use in pool),
        pool_unpriced=sum(use.unpriced_calls for use in pool),
        pool_micros=sum(use.cost_micros for use in pool),
        late_micros=sum(use.cost_micros for use in mine if use.used_month != month),
        input_tokens=sum(use.input_tokens for use in mine),
        output_tokens=sum(use.output_tokens for use in mine),
        shared_micros=sum(share.micros for share in shares if share.department == department),
        adjustments_micros=sum(one.micros for one in adjustments if one.department == department),
        cents=Cents(0, 0, 0, 0),
    )
