"""Wrong passwords cost waiting time, for addresses that exist and for those that do not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from core.accounts.lockout import FREE_TRIES, HARD_STOP
from core.bootstrap import Core
from core.db.tables import sign_in_failures
from core.errors import CoreError, LockedOut, SignInRefused
from tests.conftest import PASSWORD, Cast
from tests.support.stopped_clock import StoppedClock

ADDRESSES = ["alice@example.com", "nobody@example.com"]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def _sign_in(core: Core, address: str, password: str) -> CoreError | None:
    try:
        core.accounts.authenticate(address, password)
    except CoreError as error:
        return error
    return None


def test_a_guesser_hears_the_same_about_known_and_unknown_addresses(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    heard: dict[str, list[str]] = {}
    for address in ADDRESSES:
        for _ in range(8):
            heard.setdefault(address, []).append(repr(_sign_in(core, address, "wrong" * 5)))
            time.advance(seconds=0.75)
    known, unknown = heard.values()
    assert known == unknown
    assert [name.partition("(")[0] for name in known[:6]] == ["SignInRefused"] * 4 + ["LockedOut", "SignInRefused"]


def test_alice_locked_out_waits_and_then_signs_in_and_starts_afresh(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    for _ in range(FREE_TRIES):
        assert isinstance(_sign_in(core, "alice@example.com", "wrong"), SignInRefused)
    locked = _sign_in(core, " ALICE@example.com", PASSWORD)
    assert isinstance(locked, LockedOut)
    assert locked.sentence == "Too many wrong passwords. Please wait 1 s before the next try."
    time.advance(seconds=1)
    assert _sign_in(core, "alice@example.com", PASSWORD) is None
    for _ in range(FREE_TRIES):
        assert isinstance(_sign_in(core, "alice@example.com", "wrong"), SignInRefused)


def test_bob_is_not_locked_out_by_guesses_at_alice(core: Core, cast: Cast, time: StoppedClock) -> None:
    for _ in range(FREE_TRIES + 1):
        _sign_in(core, "alice@example.com", "wrong")
    assert _sign_in(core, "bob@example.com", PASSWORD) is None


def test_a_guesser_is_stopped_for_a_day_after_a_hundred_tries(core: Core, cast: Cast, time: StoppedClock) -> None:
    _sign_in(core, "alice@example.com", "wrong")
    with core.db.transaction() as connection:
        connection.execute(update(sign_in_failures).values(failures=HARD_STOP))
    time.advance(hours=23)
    assert isinstance(_sign_in(core, "alice@example.com", PASSWORD), LockedOut)
    time.advance(hours=1)
    assert _sign_in(core, "alice@example.com", PASSWORD) is None


@pytest.mark.parametrize("address", ADDRESSES)
def test_of_many_guesses_at_once_only_the_free_ones_are_judged(
    core: Core, cast: Cast, time: StoppedClock, address: str
) -> None:
    with ThreadPoolExecutor(12) as pool:
        errors = list(pool.map(lambda n: _sign_in(core, address, f"wrong {n}"), range(12)))
    codes = [error.code if error else "in" for error in errors]
    assert sorted(codes) == ["locked_out"] * (12 - FREE_TRIES) + ["sign_in_refused"] * FREE_TRIES
    with core.db.read() as connection:
        assert connection.execute(select(sign_in_failures.c.failures)).scalar_one() == FREE_TRIES


def test_an_address_is_not_kept_with_its_wrong_tries(core: Core, time: StoppedClock) -> None:
    _sign_in(core, "nobody@example.com", "wrong")
    with core.db.read() as connection:
        assert "nobody" not in str(connection.execute(select(sign_in_failures)).all())
