"""A statement as CSV for a spreadsheet: one row per line, and one per department with its total.

``micros`` and ``dollars`` are exact and add up to the grand total; ``total_dollars`` stands in the rows of kind
"total" only and adds up to the shown grand total to the cent. A cost that nobody knows is empty, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.csv_cells import as_csv, harmless
from core.rollup.models import MonthUse
from core.statements.models import Statement

COLUMNS = (
    "month",
    "state",
    "kind",
    "department",
    "description",
    "person",
    "email",
    "agent",
    "provider",
    "model",
    "paid_by",
    "used_month",
    "calls",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
    "micros",
    "dollars",
    "total_dollars",
)
# Numbers are written here and cannot be formulas; an apostrophe would keep them from being added up.
_NUMBERS = frozenset(COLUMNS[COLUMNS.index("calls") :])


def statement_as_csv(statement: Statement) -> str:
    """Return every line of a statement under one heading."""
    state = {"month": statement.month, "state": "closed" if statement.closed_at else "open"}
    rows = ({**state, **row} for row in _rows(statement))
    return as_csv([COLUMNS, *([_cell(name, row.get(name, "")) for name in COLUMNS] for row in rows)])


def dollars(micros: int) -> str:
    """Return micro-dollars as a decimal number with all six digits: ``-0.250000``."""
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{rest:06}"


def _rows(statement: Statement) -> Iterator[dict[str, object]]:
    for use in statement.uses:
        yield {"department": statement.name_of(use.department), **_use(use, statement.month)}
    for share in statement.shares:
        yield {
            "kind": "shared cost",
            "department": statement.name_of(share.department),
            "description": share.label,
            **_amount(share.micros),
        }
    for one in statement.adjustments:
        yield {
            "kind": "adjustment",
            "department": statement.name_of(one.department),
            "description": one.reason,
            "person": one.person,
            **_amount(one.micros),
        }
    for sums in statement.departments:
        if not sums.is_empty:
            yield {
                "kind": "total",
                "department": sums.name,
                "total_dollars": dollars(sums.cents.total * 10_000)[:-4],
            }


def _use(use: MonthUse, month: str) -> dict[str, object]:
    is_known = use.unpriced_calls < use.calls
    return {
        "kind": "use" if use.used_month == month else "late use",
        "person": use.person,
        "email": use.email,
        "agent": use.agent,
        "provider": use.provider,
        "model": use.model,
        "paid_by": "pool" if use.is_pool else "own key",
        "used_month": use.used_month,
        "calls": use.calls,
        "unpriced_calls": use.unpriced_calls,
        "input_tokens": use.input_tokens,
        "output_tokens": use.output_tokens,
        **(_amount(use.cost_micros) if is_known else {}),
    }


def _amount(micros: int) -> dict[str, object]:
    return {"micros": micros, "dollars": dollars(micros)}


def _cell(name: str, value: object) -> str:
    return str(value) if name in _NUMBERS else harmless(str(value))
