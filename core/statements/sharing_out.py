"""Splits shared costs among departments. Pure functions; every part is exact, and the parts add up to the cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from core.rollup.models import MonthUse
from core.shared_costs.models import Rule, SharedCost, SplitRules
from core.statements.models import NO_DEPARTMENT, ShareLine, SplitBy
from core.statements.rounding import split

# Where a rule says nothing (nobody has used anything, no department has people, those with a percentage are gone),
# the next of these that does takes its place. Equal parts always do. When only some of those with a percentage are
# gone, the others share theirs in proportion.
FALLBACKS: tuple[SplitBy, ...] = ("all_use", "heads", "equally")


def share_out(
    uses: Sequence[MonthUse], heads: Mapping[str, int], costs: Sequence[SharedCost], rules: SplitRules
) -> list[ShareLine]:
    """Return who pays which part of what: of each shared cost, and of pool calls without a department.

    Calls on people's own keys are paid already, so those without a department stay where they are.

    Args:
        uses: everything that was used in the month.
        heads: the active people of every department there is, in the order of the departments.
        costs: the shared costs of the month.
        rules: the standing rules.
    """
    if not heads:
        return []
    lines: list[ShareLine] = []
    for cost in costs:
        lines += _parts(cost.id, cost.name, cost.amount_micros, cost.rule or rules.default, uses, heads)
    homeless = sum(use.cost_micros for use in uses if use.is_pool and use.department is None)
    if homeless:
        label = "Calls without a department"
        lines.append(ShareLine(None, NO_DEPARTMENT, label, homeless, "passed_on", -homeless))
        lines += _parts(NO_DEPARTMENT, label, homeless, rules.no_department, uses, heads)
    return lines


def _parts(
    item_id: str, label: str, amount: int, rule: Rule, uses: Sequence[MonthUse], heads: Mapping[str, int]
) -> Iterator[ShareLine]:
    split_by, weights = _weights(rule, uses, heads)
    for department, micros in zip(heads, split(amount, weights), strict=True):
        if micros:
            yield ShareLine(department, item_id, label, amount, split_by, micros)


def _weights(rule: Rule, uses: Sequence[MonthUse], heads: Mapping[str, int]) -> tuple[SplitBy, list[int]]:
    for kind in (rule.kind, *FALLBACKS):
        weights = [_weight(kind, department, rule, uses, heads) for department in heads]
        if any(weights):
            return kind, weights
    raise AssertionError("equal parts are always there")


def _weight(kind: SplitBy, department: str, rule: Rule, uses: Sequence[MonthUse], heads: Mapping[str, int]) -> int:
    if kind == "percent":
        return rule.percents.get(department, 0)
    if kind == "heads":
        return heads[department]
    if kind == "equally":
        return 1
    spent = (use for use in uses if use.department == department and (use.is_pool or kind == "all_use"))
    return sum(use.cost_micros for use in spent)
