"""The sliding window: what it promises, whatever the order and the moments of the calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.quotas.models import Allowance
from core.quotas.window import Slot, Window

START = 1_800_000_000.0
# Milliseconds, so that calls come close together and at the edges of seconds; tokens of a call.
CALLS = st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 60)), max_size=60)
ALLOWANCES = st.builds(Allowance, st.none() | st.integers(1, 6), st.none() | st.integers(60, 150))


def let_through(calls: list[tuple[int, int]], allowance: Allowance) -> list[tuple[int, int]]:
    """Return moment (ms) and tokens of the calls that pass, each tried once."""
    window, at, passed = Window(), 0, []
    for pause, tokens in calls:
        at += pause
        moment = START + at / 1000
        second = window.second_of(moment)
        window = window.moved_to(second)
        if window.lacks(allowance, tokens) is None:
            window = window.added(second, 1, tokens)
            passed.append((at, tokens))
    return passed


@given(CALLS, ALLOWANCES)
def test_no_sixty_seconds_ever_see_more_than_is_allowed(calls: list[tuple[int, int]], allowance: Allowance) -> None:
    passed = let_through(calls, allowance)
    for end, _ in passed:
        seen = [tokens for at, tokens in passed if end - 60_000 <= at <= end]
        assert allowance.requests_per_minute is None or len(seen) <= allowance.requests_per_minute
        assert allowance.tokens_per_minute is None or sum(seen) <= allowance.tokens_per_minute


@given(CALLS, ALLOWANCES, st.integers(0, 60))
def test_after_the_wait_that_is_named_there_is_room_and_not_a_second_sooner(
    calls: list[tuple[int, int]], allowance: Allowance, tokens: int
) -> None:
    window, at = Window(), 0
    for pause, used in calls:
        at += pause
        window = window.added(window.second_of(START + at / 1000), 1, used)
    moment = START + at / 1000
    wait = window.wait_seconds(allowance, tokens, moment)
    assert 0 <= wait <= 61
    then = round(moment + wait) if wait else int(moment)
    assert window.moved_to(then).lacks(allowance, tokens) is None
    if wait:
        assert window.moved_to(then - 1).lacks(allowance, tokens) is not None


@given(CALLS)
def test_what_a_window_holds_fits_a_minute_and_survives_storing(calls: list[tuple[int, int]]) -> None:
    window, at = Window(), 0
    for pause, tokens in calls:
        at += pause
        second = window.second_of(START + at / 1000)
        window = window.moved_to(second).added(second, 1, tokens)
    assert len(window.slots) <= 61
    assert Window.load(window.dump()) == window


def test_a_clock_that_runs_behind_counts_into_the_newest_second() -> None:
    window = Window().added(int(START) + 5, 1, 10)
    assert window.second_of(START) == int(START) + 5
    assert window.added(window.second_of(START), 1, 7).slots == (Slot(int(START) + 5, 2, 17),)


def test_a_correction_changes_its_own_second_only_and_nothing_that_is_gone() -> None:
    window = Window().added(100, 1, 500).added(101, 1, 50)
    assert window.corrected(100, 0, -400).slots == (Slot(100, 1, 100), Slot(101, 1, 50))
    assert window.corrected(100, -1, -900).slots[0] == Slot(100, 0, 0)
    assert window.corrected(99, -1, -900) == window
    assert window.corrected(101, 0, 25).tokens == 575
