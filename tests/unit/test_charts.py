"""Charts of use: every dollar is in them once, and a day without use is a zero, not a gap."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ui.charts import LARGEST_MODELS, frame_of, stacked_by_model
from core.usage.models import DayTotals, Totals

FIRST = date(2026, 3, 1)
DAYS: list[object] = [FIRST + timedelta(days=n) for n in range(7)]


def used(day: int, model: str, micros: int = 1_000_000, calls: int = 1) -> DayTotals:
    return DayTotals(FIRST + timedelta(days=day), model, Totals(calls, 100 * calls, 20 * calls, micros, 0))


def bars(days: list[DayTotals], value: str = "dollars") -> dict[str, list[float]]:
    figure = stacked_by_model(frame_of(days), value, "Spend", DAYS, ["#111"], "$")
    return {bar.name: [float(y) for y in bar.y] for bar in figure.data}


def test_a_frame_has_the_sums_of_every_day_and_model() -> None:
    frame = frame_of([used(0, "a", 360), used(0, "b", 1_500_000, calls=3), used(2, "a", 640)])
    assert list(frame["dollars"]) == [0.00036, 1.5, 0.00064]
    assert list(frame["calls"]) == [1, 3, 1]
    assert frame["input_tokens"].sum() == 500
    assert frame["output_tokens"].sum() == 100
    assert list(frame["day"]) == [DAYS[0], DAYS[0], DAYS[2]]


def test_days_without_use_are_zero() -> None:
    figure = stacked_by_model(frame_of([used(1, "a"), used(4, "a", 500_000)]), "dollars", "Spend", DAYS, ["#111"])
    (bar,) = figure.data
    assert list(bar.x) == DAYS
    assert list(bar.y) == [0, 1, 0, 0, 0.5, 0, 0]


def test_every_model_has_its_own_bars_while_there_are_few() -> None:
    shown = bars([used(0, f"model-{n}") for n in range(LARGEST_MODELS)])
    assert set(shown) == {f"model-{n}" for n in range(LARGEST_MODELS)}


def test_the_small_ones_are_added_up_as_others() -> None:
    large = [used(0, f"large-{n}", 10_000_000 + n) for n in range(LARGEST_MODELS)]
    small = [used(0, f"small-{n}", 1_000_000) for n in range(4)] + [used(3, "small-0", 1_000_000)]
    shown = bars(large + small)
    assert set(shown) == {*(f"large-{n}" for n in range(LARGEST_MODELS)), "Others"}
    assert shown["Others"] == [4, 0, 0, 1, 0, 0, 0]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(used, st.integers(0, 6), st.sampled_from([f"m{n}" for n in range(10)]), st.integers(0, 10**9)),
        min_size=1,
        max_size=30,
        unique_by=lambda d: (d.day, d.model),
    )
)
def test_no_dollar_is_lost_or_doubled(days: list[DayTotals]) -> None:
    total = sum(sum(row) for row in bars(days).values())
    assert total == pytest.approx(sum(d.totals.cost_micros for d in days) / 1_000_000)


def test_a_model_called_like_a_number_or_others_is_no_trouble() -> None:
    assert set(bars([used(0, "42"), used(0, "Others"), used(0, "a<b>")])) == {"42", "Others", "a<b>"}
