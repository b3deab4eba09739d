"""People stay signed in for an hour of silence and a day in all; tickets live for a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from core.bootstrap import Core
from core.db.tables import sessions, tickets
from core.errors import CoreError, TicketRefused
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def test_alice_is_signed_out_after_an_hour_of_silence(core: Core, cast: Cast, time: StoppedClock) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    time.advance(minutes=59, seconds=59)
    assert core.accounts.session_user(token) == cast.alice
    time.advance(minutes=59, seconds=59)
    assert core.accounts.session_user(token) == cast.alice
    time.advance(minutes=60)
    assert core.accounts.session_user(token) is None


def test_alice_is_signed_out_after_a_day_however_busy(core: Core, cast: Cast, time: StoppedClock) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    for _ in range(47):
        time.advance(minutes=30)
        assert core.accounts.session_user(token) == cast.alice
    time.advance(minutes=30)
    assert core.accounts.session_user(token) is None


def test_alice_signing_out_ends_that_session_only(core: Core, cast: Cast) -> None:
    here, there = (core.accounts.start_session(cast.alice, place) for place in ("here", "there"))
    core.accounts.end_session(here)
    core.accounts.end_session(here)
    assert core.accounts.session_user(here) is None
    assert core.accounts.session_user(there) == cast.alice


@pytest.mark.parametrize("token", [None, "", "x", "\ud800", "a\x00b", "x" * 100_000])
def test_a_visitor_with_a_made_up_token_is_nobody(core: Core, cast: Cast, token: str | None) -> None:
    core.accounts.start_session(cast.alice, "agent")
    core.accounts.end_session(token)
    assert core.accounts.session_user(token) is None


def test_a_ticket_expires_after_a_minute(core: Core, cast: Cast, time: StoppedClock) -> None:
    early, late = (core.accounts.issue_ticket(cast.alice, "browser") for _ in range(2))
    time.advance(seconds=59)
    assert core.accounts.session_user(core.accounts.redeem_ticket(early, "browser", "agent")) == cast.alice
    time.advance(seconds=1)
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(late, "browser", "agent")


def test_old_tickets_are_forgotten(core: Core, cast: Cast, time: StoppedClock) -> None:
    core.accounts.issue_ticket(cast.alice, "browser")
    time.advance(minutes=3)
    core.accounts.issue_ticket(cast.alice, "browser")
    with core.db.read() as connection:
        assert len(connection.execute(select(tickets)).all()) == 1


def test_a_ticket_redeemed_by_many_at_once_opens_one_session(core: Core, cast: Cast) -> None:
    ticket = core.accounts.issue_ticket(cast.alice, "browser")

    def redeem(_: int) -> str | None:
        try:
            return core.accounts.redeem_ticket(ticket, "browser", "agent")
        except CoreError as error:
            return {"ticket_refused": None}[error.code]

    with ThreadPoolExecutor(8) as pool:
        tokens = [token for token in pool.map(redeem, range(8)) if token]
    assert len(tokens) == 1


def test_whoever_reads_the_database_cannot_sign_in_with_it(core: Core, cast: Cast) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    ticket = core.accounts.issue_ticket(cast.alice, "browser")
    with core.db.read() as connection:
        stored = str([connection.execute(select(table)).all() for table in (sessions, tickets)])
    assert token not in stored
    assert ticket not in stored
