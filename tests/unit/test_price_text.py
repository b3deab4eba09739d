"""Prices read exactly and are typed exactly: no float stands between a person and a micro-dollar."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui import price_text
from core.errors import Invalid
from core.llm.pricing import OwnPrice
from core.money import dollars
from core.prices.models import FREE, UNKNOWN, Catalogue, Price, Step, UnitPrice

STEPPED = Price(
    "catalogue",
    "v",
    (Step(0, UnitPrice(2_500_000, 250_000, 15_000_000)), Step(272_001, UnitPrice(5_000_000, 500_000, 22_500_000))),
)


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000001"),
        (37_500, "$0.0375"),
        (150_000, "$0.15"),
        (2_500_000, "$2.50"),
        (15_000_000, "$15.00"),
        (10**12, "$1,000,000.00"),
        (123_456_789, "$123.456789"),
    ],
)
def test_a_price_is_shown_with_all_its_digits(micros: int, shown: str) -> None:
    assert dollars(micros) == shown


def test_a_price_is_one_short_line_and_the_rest_is_said_aside() -> None:
    assert price_text.short(UNKNOWN) == "price unknown"
    assert price_text.short(FREE) == "no cost: own hardware"
    own = Price.own(OwnPrice(150_000, 600_000))
    assert price_text.short(own) == "$0.15 in, $0.60 out per million tokens"
    assert [price_text.details(price) for price in (UNKNOWN, FREE, own)] == ["", "", ""]
    assert price_text.short(STEPPED) == "from $2.50 in, $15.00 out per million tokens"
    assert price_text.details(STEPPED) == (
        "Cached input: $0.25. Calls with 272,001 input tokens or more: $5.00 in, $0.50 cached, $22.50 out."
    )
    assert [price_text.billed(price) for price in (UNKNOWN, own)] == ["unknown", "$0.15 / $0.15 / $0.60"]


@pytest.mark.parametrize(
    ("typed", "micros"),
    [
        *(("", None), ("  ", None), ("$", None), ("0", 0), ("0.40", 400_000), ("0,40", 400_000)),
        *(("$1.60", 1_600_000), (" $ 2 ", 2_000_000), ("0.000001", 1), ("1e3", 10**9), ("1000000", 10**12)),
        *((".5", 500_000), ("15", 15_000_000)),
        ("0.2500000000", 250_000),
    ],
)
def test_a_price_that_is_typed_becomes_micro_dollars(typed: str, micros: int | None) -> None:
    assert price_text.micros_of(typed) == micros


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "typed",
    [
        *("abc", "€ 2", "1.000,50", "--1", "-1", "-0.000001", "1 2", "٪", "0x10", "1000000.000001"),
        *("1,000.50", "0.4 €", "NaN", "Infinity", "1e999999"),
        *("nan", "inf", "-inf", "sNaN", "1e999999999", "1e900000", "-1e900000", "9" * 5000),
    ],
)
def test_what_is_no_price_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        price_text.micros_of(typed)
    assert refused.value.sentence == "Enter a price such as 0.40, in dollars per million tokens."
    assert refused.value.field == "price"


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "typed", ["0.0000001", "0.12345678", "1e-7", "1e-900000", "0." + "1" * 5000, f"0.1{'0' * 60}1"]
)
def test_a_price_finer_than_a_micro_dollar_is_refused_and_not_cut(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        price_text.micros_of(typed)
    assert refused.value.sentence == "A price has at most six places after the point."


@given(st.text(max_size=40))
def test_no_text_breaks_the_form(typed: str) -> None:
    with suppress(Invalid):
        micros = price_text.micros_of(typed)
        assert micros is None or 0 <= micros <= 10**12


@given(st.integers(0, 10**12))
def test_what_is_shown_can_be_typed_again(micros: int) -> None:
    typed = dollars(micros).replace(",", "")
    assert price_text.micros_of(typed) == micros
    assert Decimal(typed.removeprefix("$")) * 1_000_000 == micros


def test_published_prices_are_old_after_ninety_days_or_when_their_day_is_unknown() -> None:
    catalogue = Catalogue("v", date(2026, 1, 1))
    assert not catalogue.is_old(date(2026, 4, 1))
    assert catalogue.is_old(date(2026, 4, 2))
    assert Catalogue("v", None).is_old(date(2026, 1, 1))
