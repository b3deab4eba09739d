"""When a schedule is due, in the time zone of who made it, over the changes of clocks too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.schedules.cron import clean_cron, clean_timezone, due_times, in_words, next_times, time_zones

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(moments: object) -> list[str]:
    return [f"{moment:%m-%d %H:%M}" for moment in moments]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 9 * * 1-5", "At 09:00, Monday through Friday"),
        ("*/15 8-18 * * *", "Every 15 minutes, between 08:00 and 18:59"),
        ("30 6 1 * *", "At 06:30, on day 1 of the month"),
        ("0 0 * * MON#1", "At 00:00, on the first Monday of the month"),
    ],
)
def test_an_expression_is_said_in_words(cron: str, words: str) -> None:
    assert clean_cron(f"  {cron.replace(' ', '  ')} ") == cron
    assert in_words(cron) == words


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "x",
        "* * * *",
        "* * * * * *",
        "0 9 * * 8",
        "60 * * * *",
        "@daily",
        "H * * * *",
        "0 0 31 2 *",
        "0 0 * * ٣",
        "* " * 200,
        "0 9 * * 1-5; rm",
    ],
)
def test_what_is_no_expression_is_refused_with_a_sentence(cron: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean_cron(cron)
    assert caught.value.field == "cron"


def test_a_schedule_keeps_to_the_clock_of_its_time_zone() -> None:
    found = next_times("0 9 * * *", BERLIN, at("2026-03-27T12:00"), 3)
    assert shown(found) == ["03-28 08:00", "03-29 07:00", "03-30 07:00"]
    assert shown(next_times("0 9 * * *", "UTC", at("2026-03-27T12:00"), 2)) == ["03-28 09:00", "03-29 09:00"]


def test_a_time_that_the_clock_leaves_out_is_due_right_after_it() -> None:
    assert shown(next_times("30 2 * * *", BERLIN, at("2026-03-28T12:00"), 2)) == ["03-29 01:00", "03-30 00:30"]


def test_a_time_that_the_clock_shows_twice_is_due_once() -> None:
    assert shown(next_times("30 2 * * *", BERLIN, at("2026-10-24T12:00"), 2)) == ["10-25 00:30", "10-26 01:30"]


def test_what_is_due_every_hour_is_due_in_both_of_them() -> None:
    found = next_times("0 * * * *", BERLIN, at("2026-10-24T23:30"), 3)
    assert shown(found) == ["10-25 00:00", "10-25 01:00", "10-25 02:00"]


def test_the_latest_due_times_are_kept() -> None:
    found = due_times("0 * * * *", "UTC", at("2026-05-01T00:00"), at("2026-05-01T05:00"), 2)
    assert shown(found) == ["05-01 04:00", "05-01 05:00"]
    assert due_times("0 9 1 1 *", "UTC", at("2026-05-01T00:00"), at("2026-05-02T00:00"), 5) == []


@given(
    st.sampled_from(["*/5 * * * *", "0 9 * * 1-5", "15 2 * * *", "0 0 1 * *", "7 3,15 * * 0"]),
    st.sampled_from([BERLIN, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
)
def test_times_only_go_forward_and_no_due_time_is_left_out(cron: str, zone: str, start: datetime) -> None:
    after = start.replace(tzinfo=UTC)
    times = next_times(cron, zone, after, 4)
    assert all(earlier < later for earlier, later in zip([after, *times], times, strict=False))
    assert due_times(cron, zone, after, times[-1], 10) == list(times)
    assert next_times(cron, zone, times[0] - timedelta(seconds=1), 1) == [times[0]]


def test_only_time_zones_that_exist_are_taken() -> None:
    assert clean_timezone(BERLIN) == BERLIN
    assert {"UTC", BERLIN, "America/New_York"} <= set(time_zones())
    for name in ("", "Europe/Atlantis", "../etc/passwd", "utc"):
        with pytest.raises(Invalid):
            clean_timezone(name)
