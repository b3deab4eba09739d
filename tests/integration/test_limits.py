"""Rate limits hold for all processes together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from core.bootstrap import Core
from core.db.tables import rate_limits
from core.errors import RateLimitedHere
from core.limits.service import network
from tests.support.stopped_clock import StoppedClock


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def taken(core: Core, key: str = "k", rate: float = 60, burst: int = 5, tries: int = 1) -> int:
    count = 0
    for _ in range(tries):
        try:
            core.limits.take(key, rate, burst)
        except RateLimitedHere:
            continue
        count += 1
    return count


def test_a_burst_is_allowed_and_then_one_a_minute(core: Core, time: StoppedClock) -> None:
    assert taken(core, tries=9) == 5
    for _ in range(3):
        time.advance(seconds=60)
        assert taken(core, tries=9) == 1


def test_the_wait_that_is_said_is_enough(core: Core, time: StoppedClock) -> None:
    taken(core, tries=5)
    time.advance(seconds=17.3)
    with pytest.raises(RateLimitedHere) as caught:
        core.limits.take("k", 60, 5)
    assert caught.value.facts == {"wait_seconds": 43}
    time.advance(seconds=43)
    core.limits.take("k", 60, 5)


def test_a_whole_hour_without_tries_gives_no_more_than_the_burst(core: Core, time: StoppedClock) -> None:
    taken(core, tries=9)
    time.advance(hours=1)
    assert taken(core, tries=9) == 5


def test_keys_do_not_touch_each_other(core: Core, time: StoppedClock) -> None:
    taken(core, "a", tries=9)
    assert taken(core, "b", tries=9) == 5


def test_tries_side_by_side_are_counted_exactly(core: Core, time: StoppedClock) -> None:
    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(lambda _: taken(core), range(36))) == 5


def test_what_limits_nobody_any_more_is_forgotten(core: Core, time: StoppedClock) -> None:
    taken(core, "old", tries=5)
    time.advance(minutes=5, seconds=1)
    taken(core, "new")
    assert core.limits.forget_old(100) == 1
    with core.db.read() as connection:
        assert connection.execute(select(rate_limits.c.key)).scalars().all() == ["new"]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_visitor_counts_with_all_their_addresses(address: str, counted: str) -> None:
    assert network(address) == counted
