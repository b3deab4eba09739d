"""Parts add up to what is split, to the micro-dollar and to the cent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rollup.models import MonthUse
from core.shared_costs.models import Rule, RuleKind, SharedCost, SplitRules
from core.statements.rounding import MICROS_PER_CENT, cents_of, rounded_cents, split
from core.statements.sharing_out import share_out

amounts = st.integers(0, 10**13)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any)
signed = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=12)


@given(amounts, weights)
def test_parts_add_up_and_follow_the_weights(amount: int, given_weights: list[int]) -> None:
    parts = split(amount, given_weights)
    assert sum(parts) == amount
    whole = sum(given_weights)
    for part, weight in zip(parts, given_weights, strict=True):
        assert part >= 0
        assert abs(part * whole - amount * weight) < whole  # less than one micro-dollar off
        assert weight or not part
    ordered = [part for _, part in sorted(zip(given_weights, parts, strict=True), key=lambda pair: pair)]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize(("amount", "given_weights"), [(-1, [1]), (1, [0, 0]), (1, [-1, 3]), (1, [])])
def test_what_cannot_be_split_is_refused(amount: int, given_weights: list[int]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of min() too
        split(amount, given_weights)


def test_the_largest_remainders_get_what_is_left() -> None:
    # 14.2, 57.1 and 28.5: one is left, and the third is nearest to its next.
    assert split(100, [1, 4, 2]) == [14, 57, 29]
    assert split(20_000_000, [1, 1, 1]) == [6_666_667, 6_666_667, 6_666_666]


@given(signed)
def test_shown_amounts_add_up_to_the_shown_sum(given_amounts: list[int]) -> None:
    cents = cents_of(given_amounts)
    assert sum(cents) == rounded_cents(sum(given_amounts))
    for shown, amount in zip(cents, given_amounts, strict=True):
        assert abs(shown * MICROS_PER_CENT - amount) < MICROS_PER_CENT
        assert amount % MICROS_PER_CENT or shown * MICROS_PER_CENT == amount


@given(signed, st.booleans())
def test_parts_add_up_to_a_total_that_was_rounded_elsewhere(given_amounts: list[int], is_up: bool) -> None:
    exact = sum(given_amounts)
    total = -(-exact // MICROS_PER_CENT) if is_up else exact // MICROS_PER_CENT
    cents = cents_of(given_amounts, total)
    assert sum(cents) == total
    assert all(
        abs(shown * MICROS_PER_CENT - amount) < MICROS_PER_CENT
        for shown, amount in zip(cents, given_amounts, strict=True)
    )


def test_a_total_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not the sum"):
        cents_of([10_000, 10_000], 3)


# --- the rules of shared costs --------------------------------------------------------------------


def use(department: str | None, micros: int, *, is_pool: bool = True) -> MonthUse:
    return MonthUse(
        department, "user_1", "A", "a@example.com", None, "", "openai", "m", is_pool, "2026-10", 1, 1, 1, micros, 0
    )


def shared(rule: Rule | None) -> SharedCost:
    return SharedCost("cost_1", "Server", 20_000_000, "2026-10", None, rule)


HEADS = {"hr": 3, "sales": 1}
USES = [use("hr", 1_000_000), use("sales", 3_000_000), use("hr", 11_000_000, is_pool=False)]


@pytest.mark.parametrize(
    ("rule", "by", "hr"),
    [
        (Rule("pool_use"), "pool_use", 5_000_000),
        (Rule("all_use"), "all_use", 16_000_000),
        (Rule("heads"), "heads", 15_000_000),
        (Rule("percent", {"hr": 1_250, "sales": 8_750}), "percent", 2_500_000),
        (None, "pool_use", 5_000_000),
    ],
)
def test_a_cost_is_split_by_its_rule(rule: Rule | None, by: str, hr: int) -> None:
    lines = share_out(USES, HEADS, [shared(rule)], SplitRules())
    assert [(line.department, line.split_by, line.micros) for line in lines] == [
        ("hr", by, hr),
        ("sales", by, 20_000_000 - hr),
    ]
    assert {line.whole_micros for line in lines} == {20_000_000}


@pytest.mark.parametrize(
    ("kind", "uses", "heads", "by"),
    [
        ("pool_use", [use("hr", 5, is_pool=False)], HEADS, "all_use"),
        ("pool_use", [], HEADS, "heads"),
        ("all_use", [], HEADS, "heads"),
        ("heads", [use("hr", 5)], {"hr": 0, "sales": 0}, "all_use"),
        ("pool_use", [], {"hr": 0, "sales": 0}, "equally"),
        ("percent", [], {"hr": 0, "sales": 0}, "equally"),
    ],
)
def test_a_rule_that_says_nothing_is_stood_in_for(
    kind: RuleKind, uses: list[MonthUse], heads: Mapping[str, int], by: str
) -> None:
    percents = {"gone": 10_000} if kind == "percent" else {}
    lines = share_out(uses, heads, [shared(Rule(kind, percents))], SplitRules())
    assert {line.split_by for line in lines} == {by}
    assert sum(line.micros for line in lines) == 20_000_000


def test_pool_calls_without_a_department_are_passed_on_and_own_ones_stay() -> None:
    uses = [*USES, use(None, 100), use(None, 7, is_pool=False)]
    lines = share_out(uses, HEADS, [], SplitRules(no_department=Rule("heads")))
    assert [(line.department, line.micros, line.split_by) for line in lines] == [
        (None, -100, "passed_on"),
        ("hr", 75, "heads"),
        ("sales", 25, "heads"),
    ]


def test_without_a_department_nothing_is_split() -> None:
    assert share_out(USES, {}, [shared(None)], SplitRules()) == []
