"""How numbers, times and states read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui import formats
from core.runs.models import Run, Status
from core.usage.models import Totals
from tests.support.stopped_clock import StoppedClock

RUN = Run(
    id="run_1",
    owner_id="user_1",
    agent_id=None,
    department=None,
    title="Helper",
    status="queued",
    inputs={"input": "x"},
    output=None,
    error=None,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    started_at=None,
    cancel_requested_at=None,
    ended_at=None,
)


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (None, "unknown"),
        (0, "$0"),
        (1, "$0.000001"),
        (10, "$0.00001"),
        (420, "$0.00042"),
        (9_999, "$0.009999"),
        (10_000, "$0.0100"),
        (12_340, "$0.0123"),
        (999_949, "$0.9999"),
        (999_999, "$1.00"),
        (12_400_000, "$12.40"),
        (999_994_000, "$999.99"),
        (999_995_000, "$1,000"),
        (1_204_000_000, "$1,204"),
    ],
)
def test_money_shows_the_digits_that_matter(micros: int | None, shown: str) -> None:
    assert formats.money(micros) == shown


@given(st.integers(0, 10**13))
def test_money_is_never_far_from_the_truth(micros: int) -> None:
    shown = float(formats.money(micros).removeprefix("$").replace(",", ""))
    assert abs(shown * 1_000_000 - micros) <= max(0.5, micros * 0.006)
    assert (shown == 0) == (micros == 0)


@given(st.integers(0, 10**10))
def test_money_is_always_one_short_word(micros: int) -> None:
    shown = formats.money(micros)
    assert len(shown) <= 9
    assert " " not in shown


@pytest.mark.parametrize(
    ("totals", "shown"),
    [
        (Totals(), "$0"),
        (Totals(calls=1, cost_micros=360), "$0.00036"),
        (Totals(calls=2, cost_micros=360, unpriced_calls=1), "$0.00036 +"),
        (Totals(calls=2, cost_micros=0, unpriced_calls=2), "unknown"),
        (Totals(calls=1, cost_micros=0), "$0"),
    ],
)
def test_a_cost_says_when_it_is_not_the_whole_truth(totals: Totals, shown: str) -> None:
    assert formats.cost(totals) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "unknown"),
        (0, "0"),
        (999, "999"),
        (1000, "1.0 k"),
        (1234, "1.2 k"),
        (999_949, "999.9 k"),
        (999_950, "1.0 M"),
        (3_400_000, "3.4 M"),
    ],
)
def test_tokens_are_shortened(count: int | None, shown: str) -> None:
    assert formats.tokens(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (0.42, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (185, "3 min 5 s"),
        (3599, "59 min 59 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, shown: str) -> None:
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "just now"),
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 day ago"),
        (2 * 86_400, "2 days ago"),
        (7 * 86_400, "7 days ago"),
    ],
)
def test_a_moment_tells_how_long_ago_it_was(monkeypatch: pytest.MonkeyPatch, seconds: int, shown: str) -> None:
    time = StoppedClock(monkeypatch)
    assert formats.ago(time.moment - timedelta(seconds=seconds)) == shown


def test_an_old_moment_is_a_date_and_no_moment_is_never(monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch).moment = datetime(2026, 3, 20, tzinfo=UTC)
    assert formats.ago(datetime(2026, 3, 2, tzinfo=UTC)) == "2026-03-02"
    assert formats.ago(None) == "never"


def test_a_run_counts_from_its_start_to_its_end_or_now(monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    started = replace(RUN, status="running", started_at=time.moment - timedelta(seconds=30))
    assert formats.run_seconds(RUN) is None
    assert formats.run_seconds(started) == 30
    ended = replace(started, status="succeeded", ended_at=time.moment - timedelta(seconds=10))
    assert formats.run_seconds(ended) == 20


def test_every_state_of_a_run_has_a_label_of_its_own() -> None:
    shown = [formats.status(replace(RUN, status=status)) for status in get_args(Status)]
    assert len({label for label, _, _ in shown}) == len(get_args(Status))
    assert all(icon.startswith(":material/") for _, icon, _ in shown)


def test_a_run_that_was_asked_to_stop_is_stopping_until_it_has() -> None:
    asked = replace(RUN, status="running", cancel_requested_at=RUN.created_at)
    assert formats.status(asked)[0] == "Stopping"
    assert formats.status(replace(asked, status="cancelled"))[0] == "Cancelled"


@pytest.mark.parametrize(("count", "shown"), [(0, "0 MB"), (491_400_032, "491 MB")])
def test_sizes_are_in_megabytes(count: int, shown: str) -> None:
    assert formats.size(count) == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.001, "0.1 %"),
        (0.0994, "9.9 %"),
        (0.0996, "10 %"),
        (1 / 3, "33 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_is_shown_in_percent(part: float | None, shown: str) -> None:
    assert formats.share(part) == shown


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (-30, "expired 30 days ago"),
        (-1, "expired 1 day ago"),
        (0, "expires today"),
        (1, "expires tomorrow"),
        (2, "expires in 2 days"),
    ],
)
def test_a_day_of_expiry_is_shown_by_the_days_that_are_left(left: int, shown: str) -> None:
    assert formats.days_left(left) == shown
