"""People see where they are signed in and end it; administrators end anybody's."""

from __future__ import annotations

import pytest

from core.audit.origin import set_origin
from core.bootstrap import Core
from core.errors import NotFound
from tests.conftest import PASSWORD, Cast
from tests.support.stopped_clock import StoppedClock

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
)


def test_alice_sees_her_sessions_this_one_first(core: Core, cast: Cast) -> None:
    set_origin("203.0.113.7", CHROME)
    here = core.accounts.start_session(cast.alice, CHROME)
    set_origin("203.0.113.8", "")
    core.accounts.start_session(cast.alice, "curl/8")
    core.accounts.start_session(cast.bob, CHROME)
    first, second = core.sessions.list(cast.alice, here)
    assert (first.device, first.address, first.is_current) == ("Chrome on Windows", "203.0.113.7", True)
    assert (second.device, second.address, second.is_current) == ("curl", "203.0.113.8", False)
    assert [s.is_current for s in core.sessions.list(cast.alice, None)] == [False, False]


def test_a_session_from_a_ticket_knows_its_address_too(core: Core, cast: Cast) -> None:
    set_origin("2001:db8::1", CHROME)
    core.accounts.redeem_ticket(core.accounts.issue_ticket(cast.alice, "browser"), "browser", CHROME)
    assert core.sessions.list(cast.alice)[0].address == "2001:db8::1"


def test_sessions_that_are_over_are_not_shown(core: Core, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    core.accounts.end_session(core.accounts.start_session(cast.alice, CHROME))
    core.accounts.start_session(cast.alice, CHROME)
    time.advance(minutes=60)
    token = core.accounts.start_session(cast.alice, CHROME)
    assert [session.is_current for session in core.sessions.list(cast.alice, token)] == [True]


def test_a_page_that_watches_by_itself_does_not_keep_a_session_alive(
    core: Core, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    token = core.accounts.start_session(cast.alice, CHROME)
    for _ in range(3):
        time.advance(minutes=19)
        assert core.accounts.session_user(token, is_activity=False) == cast.alice
    time.advance(minutes=3)
    assert core.accounts.session_user(token, is_activity=False) is None


def test_alice_ends_one_session_and_then_all_others(core: Core, cast: Cast) -> None:
    here, there, elsewhere = (core.accounts.start_session(cast.alice, CHROME) for _ in range(3))
    one = next(s for s in core.sessions.list(cast.alice, there) if s.is_current)
    core.sessions.end(cast.alice, one.id)
    assert core.accounts.session_user(there) is None
    with pytest.raises(NotFound):
        core.sessions.end(cast.alice, one.id)
    assert core.sessions.end_others(cast.alice, here) == 1
    assert core.accounts.session_user(elsewhere) is None
    assert core.accounts.session_user(here) == cast.alice
    assert core.sessions.end_others(cast.alice, here) == 0


def test_charlie_cannot_end_alices_session(core: Core, cast: Cast) -> None:
    token = core.accounts.start_session(cast.alice, CHROME)
    (session,) = core.sessions.list(cast.alice, token)
    assert core.sessions.list(cast.charlie, token) == []
    for session_id in (session.id, "sess_made_up", "", "a\x00", "\ud800"):
        with pytest.raises(NotFound):
            core.sessions.end(cast.charlie, session_id)
    core.sessions.end_others(cast.charlie, None)
    assert core.accounts.session_user(token) == cast.alice


def test_an_administrator_signs_alice_out_everywhere(core: Core, cast: Cast) -> None:
    admin = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    mine = core.accounts.start_session(admin, CHROME)
    tokens = [core.accounts.start_session(cast.alice, CHROME) for _ in range(2)]
    assert core.people.end_sessions(admin, cast.alice.id) == 2
    assert [core.accounts.session_user(token) for token in tokens] == [None, None]
    assert core.accounts.session_user(mine) == admin
