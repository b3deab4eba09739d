"""What the Statement page and its print have to say in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from app.ui import formats
from core.shared_costs.models import Rule
from core.statements.models import Cents, DepartmentSums, SplitBy, Statement

MONEY = ("Own keys", "Pool", "Subtotal", "Shared costs", "Adjustments", "Total", "To charge")

ROUNDING = (
    "Amounts are kept to the millionth of a dollar and shown in cents, rounded by the largest remainder method: "
    "what is shown adds up to the cent."
)
SPLIT_BY: dict[SplitBy, str] = {
    "pool_use": "By use of pool keys",
    "all_use": "By all use",
    "heads": "By head",
    "percent": "By percentage",
    "equally": "Equally",
    "passed_on": "Passed on",
}


def amounts(departments: Sequence[DepartmentSums]) -> dict[str, str]:
    """Say what departments together come to, by the names in ``MONEY``; a + marks what lacks calls.

    Shown cents are added up, not rounded again: the sum of what is shown is what is shown as the sum.
    """
    sums = [one.cents for one in departments]
    cents = Cents(*(sum(getattr(one, name) for one in sums) for name in Cents.__dataclass_fields__))
    own, own_lacks = sum(one.own_calls for one in departments), sum(one.own_unpriced for one in departments)
    pool, pool_lacks = sum(one.pool_calls for one in departments), sum(one.pool_unpriced for one in departments)
    # What is known besides calls keeps a sum from being unknown as a whole.
    besides = bool(cents.shared or cents.adjustments)
    shown = (
        formats.cents_known(cents.own, own, own_lacks),
        formats.cents_known(cents.pool, pool, pool_lacks),
        formats.cents_known(cents.subtotal, own + pool, own_lacks + pool_lacks),
        formats.cents(cents.shared),
        formats.cents(cents.adjustments),
        formats.cents_known(cents.total, own + pool + besides, own_lacks + pool_lacks),
        formats.cents_known(cents.charged, pool + besides, pool_lacks),
    )
    return dict(zip(MONEY, shown, strict=True))


def state_of(statement: Statement) -> str:
    """Say whether a month is closed, since when and by whom."""
    if statement.closed_at is None:
        return "Open: the amounts still move"
    return f"Closed on {statement.closed_at:%Y-%m-%d} by {statement.closed_by}"


def about_rule(rule: Rule | None, names: dict[str, str]) -> str:
    """Say how a rule splits: ``By percentage (HR 25 %, Sales 75 %)``."""
    if rule is None:
        return "By the default rule"
    if rule.kind != "percent":
        return SPLIT_BY[rule.kind]
    parts = (f"{names.get(slug, slug)} {points / 100:g} %" for slug, points in rule.percents.items())
    return f"{SPLIT_BY['percent']} ({', '.join(parts)})"


def open_calls(statement: Statement) -> str:
    """Say what becomes of calls that are under way."""
    count = statement.open_calls
    return (
        f"{count:,} {'call is' if count == 1 else 'calls are'} not settled yet. "
        "What is settled after closing is billed in the next month, as late use."
    )
