"""Dollars become micro-dollars exactly, or are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui import amounts
from core.errors import Invalid
from core.money import dollars


@pytest.mark.parametrize(
    ("typed", "micros"),
    [
        ("", None),
        ("  ", None),
        ("0", 0),
        ("12.50", 12_500_000),
        ("$ 3", 3_000_000),
        ("0.000001", 1),
        ("0,5", 500_000),
        ("1,000", 1_000_000_000),
        ("1,234.5", 1_234_500_000),
        ("10000000", 10**13),
    ],
)
def test_what_people_type_is_understood(typed: str, micros: int | None) -> None:
    assert amounts.micros(typed) == micros


@pytest.mark.parametrize("typed", ["a lot", "-1", "1e900000", "NaN", "inf", "10000000.01", "1.2.3", "٣x"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match=r"Enter an amount such as 12\.50"):
        amounts.micros(typed)


def test_an_amount_finer_than_a_micro_dollar_is_refused_and_not_cut() -> None:
    with pytest.raises(Invalid, match="An amount has at most six places after the point"):
        amounts.micros("0.0000001")


@pytest.mark.parametrize(
    ("typed", "micros"),
    [("0.29", 290_000), ("-0.29", -290_000), ("− $1,234.5", -1_234_500_000), ("-0,5", -500_000), (" - ", None)],
)
def test_an_amount_with_a_minus_is_taken_off(typed: str, micros: int | None) -> None:
    assert amounts.signed(typed) == micros


@pytest.mark.parametrize("typed", ["--1", "-−1", "1-", "-a", "+-1"])
def test_two_signs_are_no_amount(typed: str) -> None:
    with pytest.raises(Invalid, match=r"Enter an amount such as 12\.50"):
        amounts.signed(typed)


def test_an_amount_that_is_needed_has_to_be_typed() -> None:
    assert amounts.needed(0, "amount") == 0
    with pytest.raises(Invalid, match=r"Enter an amount such as 12\.50") as caught:
        amounts.needed(None, "amount")
    assert caught.value.field == "amount"


@given(st.integers(-(10**13), 10**13))
def test_an_amount_that_is_shown_can_be_typed_again_with_its_sign(micros: int) -> None:
    assert amounts.signed(dollars(micros)) == micros


@given(st.integers(0, 10**13))
def test_an_amount_that_is_shown_can_be_typed_again(micros: int) -> None:
    assert amounts.micros(amounts.dollars(micros)) == micros
    assert amounts.micros(dollars(micros)) == micros
