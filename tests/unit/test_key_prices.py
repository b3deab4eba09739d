"""What a person types as a price becomes micro-dollars, or a sentence that says what to type."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.key_forms import _micros
from core.errors import Invalid


@pytest.mark.parametrize(
    ("typed", "micros"),
    [
        ("", None),
        ("   ", None),
        ("$", None),
        ("0", 0),
        ("0.40", 400_000),
        ("0,40", 400_000),
        ("$1.60", 1_600_000),
        (" $ 2 ", 2_000_000),
        (".5", 500_000),
        ("15", 15_000_000),
        ("0.000001", 1),
        ("1e3", 1_000_000_000),
        ("1000000", 10**12),
    ],
)
def test_a_price_becomes_micro_dollars(typed: str, micros: int | None) -> None:
    assert _micros(typed) == micros


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "typed",
    [
        *("abc", "€ 2", "1.000,50", "1,000.50", "--1", "1 2", "0.4 €", "٪", "0x10"),
        *("nan", "NaN", "inf", "-inf", "Infinity", "sNaN"),
        *("1e999999999", "1e999999", "1e900000", "-1e900000", "9" * 5000),
    ],
)
def test_what_is_no_price_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        _micros(typed)
    assert refused.value.sentence == "Enter a price such as 0.40, in dollars per million tokens."
    assert refused.value.field == "price"


@given(st.text(max_size=40))
def test_no_text_breaks_the_form(typed: str) -> None:
    with suppress(Invalid):
        assert _micros(typed) is None or isinstance(_micros(typed), int)


@given(st.decimals(0, 10**6, places=6))
def test_every_price_of_six_places_is_kept_exactly(price: object) -> None:
    assert _micros(f"{price:f}") == int(price * 1_000_000)  # type: ignore[operator]
