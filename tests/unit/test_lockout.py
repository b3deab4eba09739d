"""Four tries are free; then each wrong one costs twice the wait, up to 15 minutes; after 100, a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.accounts.lockout import HARD_STOP, wait_seconds
from core.accounts.models import Failures

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SCHEDULE = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


def test_a_person_with_a_clean_record_does_not_wait() -> None:
    assert wait_seconds(None, NOW) == 0


def test_a_person_waits_longer_after_each_wrong_password() -> None:
    assert [wait_seconds(Failures(count, NOW), NOW) for count in range(len(SCHEDULE))] == SCHEDULE


@pytest.mark.parametrize("count", [50, HARD_STOP - 1])
def test_a_person_never_waits_more_than_15_minutes_before_the_hard_stop(count: int) -> None:
    assert wait_seconds(Failures(count, NOW), NOW) == 900


@pytest.mark.parametrize("count", [HARD_STOP, HARD_STOP + 1, 10**9])
def test_a_guesser_with_100_wrong_passwords_waits_a_day(count: int) -> None:
    assert wait_seconds(Failures(count, NOW), NOW) == 24 * 3600


def test_a_person_who_has_waited_may_try_again() -> None:
    failures = Failures(10, NOW)
    assert wait_seconds(failures, NOW + timedelta(seconds=20)) == 44
    assert wait_seconds(failures, NOW + timedelta(seconds=63.5)) == 1
    assert wait_seconds(failures, NOW + timedelta(seconds=64)) == 0
    assert wait_seconds(failures, NOW + timedelta(days=365)) == 0
