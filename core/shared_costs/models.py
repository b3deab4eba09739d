"""Shared costs and the rules that split them. Percents are basis points: 10,000 are the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

# By what departments pay for pool calls, by all their calls, by their active people, or as somebody says.
RuleKind = Literal["pool_use", "all_use", "heads", "percent"]
RULE_KINDS: tuple[RuleKind, ...] = get_args(RuleKind)
# Which costs a standing rule is for: shared costs without one of their own, and calls without a department.
RuleName = Literal["default", "no_department"]
RULE_NAMES: tuple[RuleName, ...] = get_args(RuleName)
WHOLE = 10_000


@dataclass(frozen=True)
class Rule:
    """How a cost is split; ``percents`` are basis points by department and belong to ``percent`` only."""

    kind: RuleKind
    percents: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SharedCost:
    """A cost of every month from ``first_month`` to ``last_month``, or without end; no ``rule`` is the default."""

    id: str
    name: str
    amount_micros: int
    first_month: str
    last_month: str | None
    rule: Rule | None

    def is_of(self, month: str) -> bool:
        """Whether a month has this cost."""
        return self.first_month <= month and (self.last_month is None or month <= self.last_month)


@dataclass(frozen=True)
class SplitRules:
    """The two standing rules."""

    default: Rule = Rule("pool_use")
    no_department: Rule = Rule("pool_use")
