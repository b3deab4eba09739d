"""The one word for how a key does: the newest that is known counts, and what is worst is said first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui import charts, key_list
from core.keys.health import ABOUT_THE_KEY, state_of, verdict
from core.keys.models import Key, KeyHealth, KeyState
from core.usage.models import CallErrors, DayUse, KeyUse, Totals, sum_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


def a_key(name: str = "K", **values: object) -> Key:
    plain = Key("key_1", "user_1", name, "openai", "", "", 1, None, NOON, None, None, None)
    return Key(**{**plain.__dict__, **values})  # type: ignore[arg-type]


def used(answered: int | None = None, *errors: tuple[str, int]) -> KeyUse:
    moment = None if answered is None else at(answered)
    day = DayUse(NOON.date(), last_answered_at=moment)
    return KeyUse((day,), tuple(CallErrors(code, 1, at(hours)) for code, hours in errors))


@pytest.mark.parametrize(
    ("test", "use", "found"),
    [
        (None, used(), None),
        (("preparing", 1), used(), None),
        (("ok", 1), used(), "ok"),
        (("quota", 1), used(), "quota"),
        (("quota", 1), used(2), "ok"),
        (("quota", 3), used(2), "quota"),
        (("ok", 1), used(2, ("bad_key", 3)), "bad_key"),
        (("ok", 4), used(2, ("bad_key", 3)), "ok"),
        (("ok", 1), used(5, ("bad_key", 3), ("key_forbidden", 4)), "ok"),
        (None, used(None, ("timeout", 3)), None),
        (("ok", 1), used(2, ("rate_limited", 3), ("no_model", 4)), "ok"),
    ],
)
def test_the_newest_that_says_something_about_the_key_counts(
    test: tuple[str, int] | None, use: KeyUse, found: str | None
) -> None:
    key = a_key(test_code=test[0], tested_at=at(test[1])) if test else a_key()
    assert verdict(key, use) == found


@pytest.mark.parametrize(
    ("found", "days_left", "built_in", "is_disabled", "state"),
    [
        (None, None, None, False, "untested"),
        ("ok", None, None, False, "works"),
        ("ok", 15, None, False, "works"),
        ("ok", 14, None, False, "expiring"),
        (None, 0, None, False, "expiring"),
        ("ok", -1, None, False, "expired"),
        ("bad_key", -1, None, False, "failing"),
        (None, None, "preparing", False, "preparing"),
        ("bad_key", 0, "works", True, "disabled"),
    ],
)
def test_what_is_worst_is_said_first(
    found: str | None, days_left: int | None, built_in: KeyState | None, is_disabled: bool, state: KeyState
) -> None:
    assert state_of(a_key(disabled_at=NOON if is_disabled else None), found, days_left, built_in) == state


@given(st.lists(st.tuples(*[st.integers(0, 10**12)] * 5)))
def test_sums_add_up_column_by_column(rows: list[tuple[int, int, int, int, int]]) -> None:
    whole = sum_of(Totals(*row) for row in rows)
    assert whole == Totals(*(sum(row[n] for row in rows) for n in range(5)))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30), st.integers(1, 30))
def test_error_rate_and_sums_follow_from_the_days(rows: list[tuple[int, int]], days: int) -> None:
    use = KeyUse(tuple(DayUse(NOON.date(), Totals(calls), failed) for calls, failed in rows))
    calls, failed = (sum(column) for column in zip(*rows, strict=True))
    assert use.totals(days).calls == sum(calls for calls, _ in rows[-days:])
    assert use.error_rate == (failed / (calls + failed) if calls + failed else None)


def test_what_says_that_a_key_does_not_work_is_nothing_that_passes() -> None:
    assert ABOUT_THE_KEY.isdisjoint({"rate_limited", "timeout", "unreachable", "provider_error", "no_model"})


def health(name: str, spend: int = 0, used_at: datetime | None = None, state: KeyState = "works") -> KeyHealth:
    use = KeyUse((DayUse(NOON.date(), Totals(1, 0, 0, spend)),))
    return KeyHealth(a_key(name), state, "", "", None, True, True, used_at, use)


LIST = [health("beta", 5, at(2)), health("Alpha", 7, None, "disabled"), health("gamma", 6, at(3))]


@pytest.mark.parametrize(
    ("words", "state", "order", "names"),
    [
        ("", None, "Newest", ["beta", "Alpha", "gamma"]),
        ("", None, "something made up", ["beta", "Alpha", "gamma"]),
        ("", None, "Name", ["Alpha", "beta", "gamma"]),
        ("", None, "Spend", ["Alpha", "gamma", "beta"]),
        ("", None, "Last used", ["gamma", "beta", "Alpha"]),
        (" OPENAI ", None, "Newest", ["beta", "Alpha", "gamma"]),
        ("alph", None, "Newest", ["Alpha"]),
        ("", "Works", "Name", ["beta", "gamma"]),
        ("alpha", "Works", "Name", []),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(
    words: str, state: str | None, order: str, names: Sequence[str]
) -> None:
    assert [found.key.name for found in key_list.shown(LIST, words, state, order)] == names


def test_bars_of_one_series_have_no_legend_and_days_without_use_are_zero() -> None:
    days = [NOON.date() + timedelta(days=n) for n in range(3)]
    figure = charts.bars_per_day(days, {"Spend": [0, 1.5, 0]}, "Spend", ["#111"], "$")
    (bar,) = figure.data
    assert (list(bar.x), list(bar.y)) == (days, [0, 1.5, 0])
    assert not figure.layout.showlegend
    assert charts.bars_per_day(days, {"a": [1, 2, 3], "b": [0, 0, 1]}, "Calls", ["#111"]).layout.showlegend
