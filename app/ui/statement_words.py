"""What the Statement page and its print have to say in the same words."""

from __future__ import annotations

from core.shared_costs.models import Rule
from core.statements.models import SplitBy, Statement

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
