"""Wrong passwords are counted by network address, too; an office behind one address still comes in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.models import User
from core.accounts.networks import WRONG_AT_ONCE, NetworkLockedOut
from core.audit.origin import set_origin
from core.bootstrap import Core
from core.db.tables import rate_limits
from core.errors import CoreError
from tests.conftest import PASSWORD, Cast
from tests.support.stopped_clock import StoppedClock

OFFICE, HOME = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def sign_in(core: Core, address: str, password: str = PASSWORD) -> str:
    try:
        core.accounts.start_session(core.accounts.authenticate(address, password), "Firefox/140.0")
    except CoreError as error:
        return type(error).__name__
    return "in"


def spray(core: Core, tries: int = WRONG_AT_ONCE) -> list[str]:
    return [sign_in(core, f"person{number}@example.com", "Summer 2026 Summer") for number in range(tries)]


def test_who_tries_one_password_on_many_accounts_is_stopped(core: Core, cast: Cast, time: StoppedClock) -> None:
    set_origin(OFFICE, "")
    assert set(spray(core)) == {"SignInRefused"}
    assert sign_in(core, "nobody@example.com", "wrong") == "NetworkLockedOut"
    with pytest.raises(NetworkLockedOut, match="from your network") as caught:
        core.logins.login("bob@example.com", PASSWORD, None, "curl/8")
    assert caught.value.facts["wait_seconds"] == 30
    set_origin(HOME, "")
    assert sign_in(core, "bob@example.com") == "in"
    set_origin(OFFICE, "")
    time.advance(seconds=30)
    assert sign_in(core, "charlie@example.com") == "in"


def test_an_office_that_signs_in_rightly_is_never_counted(core: Core, cast: Cast, time: StoppedClock) -> None:
    set_origin(OFFICE, "")
    for _ in range(WRONG_AT_ONCE * 2):
        assert sign_in(core, "alice@example.com") == "in"
    with core.db.read() as connection:
        keys = connection.execute(select(rate_limits.c.key)).scalars().all()
    assert not [key for key in keys if key.startswith("sign-in-from/")]


def test_who_has_signed_in_from_there_before_still_comes_in(core: Core, cast: Cast, time: StoppedClock) -> None:
    set_origin(OFFICE, "")
    sign_in(core, "alice@example.com")
    spray(core)
    assert sign_in(core, "alice@example.com") == "in"
    assert sign_in(core, "bob@example.com") == "NetworkLockedOut"


def test_a_guesser_hears_the_same_about_everybody(core: Core, cast: Cast, root: User, time: StoppedClock) -> None:
    """Colleague or not, account or not, right password or wrong: only who belongs there learns anything."""
    set_origin(OFFICE, "")
    sign_in(core, "alice@example.com")
    spray(core)
    heard = {
        name: [sign_in(core, f"{name}@example.com", password) for _ in range(6)]
        for name, password in (("alice", "wrong"), ("bob", "wrong"), ("charlie", PASSWORD), ("nobody", "wrong"))
    }
    assert heard["alice"] == ["NetworkLockedOut"] * 4 + ["LockedOut"] * 2
    assert all(answers == heard["alice"] for answers in heard.values())
    entries = core.audit.search(root, root.created_at, clock.now() + timedelta(seconds=1), action="sign_in.refused")
    assert entries
    assert {entry.result for entry in entries} <= {"sign_in_refused", "locked_out"}


def test_an_ipv6_visitor_is_counted_by_network(core: Core, cast: Cast, time: StoppedClock) -> None:
    for number in range(WRONG_AT_ONCE):
        set_origin(f"2001:db8:1:2::{number:x}", "")
        sign_in(core, f"person{number}@example.com", "wrong")
    set_origin("2001:db8:1:2:ffff::1", "")
    assert sign_in(core, "bob@example.com") == "NetworkLockedOut"
    set_origin("2001:db8:1:3::1", "")
    assert sign_in(core, "bob@example.com") == "in"


def test_commands_have_no_network(core: Core, cast: Cast, time: StoppedClock) -> None:
    spray(core)
    assert sign_in(core, "bob@example.com") == "in"
