"""Logins of the API on both databases: pairs of tokens over a session, and every way in which they end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update

from core import clock
from core.accounts.devices import device_label
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import refresh_tokens, sessions
from core.errors import CodeRefused, CodesLockedOut, CoreError, LockedOut, SignInRefused
from core.logins import access
from core.logins.failures import PasskeyNeeded, RefreshRefused, TotpRequired
from core.logins.models import TokenPair
from core.security.sealing import KeyRing
from tests.conftest import PASSWORD, Cast
from tests.fakes.authenticator import Authenticator
from tests.integration.test_two_factor import App
from tests.support.stage import SITE
from tests.support.stopped_clock import StoppedClock

AGENT = "curl/8.5.0"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def login(core: Core, totp: str | None = None) -> TokenPair:
    return core.logins.login("alice@example.com", PASSWORD, totp, AGENT)


def who(core: Core, pair: TokenPair) -> User | None:
    bearer = core.logins.bearer(pair.access.get_secret_value())
    return bearer.user if bearer else None


def refresh(core: Core, pair: TokenPair) -> TokenPair:
    return core.logins.refresh(pair.refresh.get_secret_value())


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(CoreError) as caught:
        call()
    return caught.value.code


def test_a_login_is_a_session_and_its_tokens_are_kept_as_hashes(core: Core, cast: Cast) -> None:
    pair = login(core)
    assert who(core, pair) == cast.alice
    (session,) = core.sessions.list(cast.alice)
    assert (session.device, session.is_current) == ("curl", False)
    assert core.sessions.list(cast.alice, session_id=session.id)[0].is_current
    for secret in (pair.access, pair.refresh):
        assert secret.get_secret_value() not in repr(pair)
        with core.db.read() as connection:
            for table in (refresh_tokens, sessions):
                rows = connection.execute(text(f"SELECT * FROM {table.name}")).all()
                assert secret.get_secret_value() not in str(rows)


def test_a_refresh_token_gives_the_next_pair_in_the_same_session(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    first = login(core)
    time.advance(minutes=15)
    assert who(core, first) is None
    second = refresh(core, first)
    third = refresh(core, second)
    assert (who(core, second), who(core, third)) == (cast.alice, cast.alice)
    assert len(core.sessions.list(cast.alice)) == 1


def test_a_refresh_token_that_comes_twice_ends_the_whole_login(core: Core, cast: Cast, root: User) -> None:
    first, other = login(core), login(core)
    second = refresh(core, first)
    assert refused(lambda: refresh(core, first)) == "refresh_refused"
    assert who(core, second) is None
    assert refused(lambda: refresh(core, second)) == "refresh_refused"
    assert who(core, other) == cast.alice
    until = clock.now()
    (entry,) = core.audit.search(root, cast.alice.created_at, until, action="login.reused")
    assert (entry.actor_email, entry.result) == ("alice@example.com", "refresh_refused")


def test_of_refreshes_at_the_same_moment_exactly_one_wins(core: Core, cast: Cast) -> None:
    pair = login(core)

    def attempt(_: int) -> str:
        try:
            return refresh(core, pair).refresh.get_secret_value()
        except RefreshRefused as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(6)))
    assert outcomes.count("refresh_refused") == 5
    with core.db.read() as connection:
        assert len(connection.execute(select(refresh_tokens)).all()) == 2


def test_a_made_up_refresh_token_is_refused(core: Core, cast: Cast) -> None:
    login(core)
    for made_up in ("", "zoark_refresh_", "zoark_refresh_" + "x" * 43, "\x00", "\ud800", "x" * 9999):
        with pytest.raises(RefreshRefused):
            core.logins.refresh(made_up)
    assert len(core.sessions.list(cast.alice)) == 1


def test_an_access_token_does_not_refresh_and_a_refresh_token_opens_nothing(core: Core, cast: Cast) -> None:
    pair = login(core)
    assert refused(lambda: core.logins.refresh(pair.access.get_secret_value())) == "refresh_refused"
    assert core.logins.bearer(pair.refresh.get_secret_value()) is None
    assert core.tokens.owner(pair.refresh.get_secret_value()) is None


ENDINGS: dict[str, Callable[[Core, User, User, str], object]] = {
    "logging out": lambda core, alice, _, session: core.logins.logout(alice, session),
    "ending it on the page Sessions": lambda core, alice, _, session: core.sessions.end(alice, session),
    "ending all others": lambda core, alice, _, session: core.sessions.end_others(alice, None),
    "an administrator who signs her out": lambda core, alice, root, _: core.people.end_sessions(root, alice.id),
    "an administrator who suspends her": lambda core, alice, root, _: core.people.suspend(root, alice.id),
    "an administrator who resets her second factor": lambda core, alice, root, _: core.two_factor.reset(
        root, alice.id
    ),
    "a new password": lambda core, alice, _, session: core.mail_links.change_password(
        alice, None, PASSWORD, "another long sentence"
    ),
}


def test_a_login_ends_at_once_with_its_session(core: Core, root: User) -> None:
    still_in = []
    for number, (ending, end) in enumerate(ENDINGS.items()):
        dora = core.accounts.create_user(f"dora{number}@example.com", "Dora", PASSWORD, "member")
        pair = core.logins.login(dora.email, PASSWORD, None, AGENT)
        (session,) = core.sessions.list(dora)
        end(core, dora, root, session.id)
        with pytest.raises(RefreshRefused):
            refresh(core, pair)
        if who(core, pair):
            still_in.append(ending)
    assert still_in == []


def test_a_new_password_leaves_the_login_that_set_it(core: Core, cast: Cast) -> None:
    mine, other = login(core), login(core)
    bearer = core.logins.bearer(mine.access.get_secret_value())
    assert bearer is not None
    core.mail_links.change_password(
        cast.alice, None, PASSWORD, "another long sentence", session_id=bearer.session_id
    )
    assert (who(core, mine), who(core, other)) == (cast.alice, None)
    login_again = core.logins.login("alice@example.com", "another long sentence", None, AGENT)
    assert core.sessions.end_others(cast.alice, None, session_id=bearer.session_id) == 1
    assert (who(core, mine), who(core, login_again)) == (cast.alice, None)


def test_a_login_idles_out_like_a_browser_and_has_the_same_longest_life(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    idle = login(core)
    time.advance(minutes=61)
    assert refused(lambda: refresh(core, idle)) == "refresh_refused"
    busy = login(core)
    for _ in range(28):
        time.advance(minutes=50)
        busy = refresh(core, busy)
        assert who(core, busy) == cast.alice
    time.advance(minutes=41)
    assert refused(lambda: refresh(core, busy)) == "refresh_refused"
    assert who(core, busy) is None


def test_a_token_that_we_signed_but_never_issued_is_refused(core: Core, cast: Cast) -> None:
    mine = login(core)
    (session,) = core.sessions.list(cast.alice)
    browser = core.sessions.id_of(core.accounts.start_session(cast.alice, AGENT))
    with core.db.read() as connection:
        jti = connection.execute(select(refresh_tokens.c.id)).scalar_one()
    for claims in (
        access.Claims(cast.bob.id, session.id, jti),
        access.Claims(cast.alice.id, session.id, "jti_other"),
        access.Claims(cast.alice.id, str(browser), jti),
        access.Claims(cast.alice.id, "sess_other", jti),
    ):
        assert core.logins.bearer(access.sign(core.ring, claims, clock.now())) is None
    assert who(core, mine) == cast.alice


def test_a_removed_master_key_takes_its_access_tokens_with_it(core: Core, cast: Cast) -> None:
    (session,) = [login(core) and core.sessions.list(cast.alice)[0]]
    with core.db.read() as connection:
        jti = connection.execute(select(refresh_tokens.c.id)).scalar_one()
    gone = KeyRing({7: b"7" * 32})
    claims = access.Claims(cast.alice.id, session.id, jti)
    assert core.logins.bearer(access.sign(gone, claims, clock.now())) is None
    assert core.logins.bearer(access.sign(core.ring, claims, clock.now())) is not None


def test_the_second_factor_comes_in_the_same_request(core: Core, cast: Cast, time: StoppedClock) -> None:
    app = App(core, time, core.accounts.authenticate("alice@example.com", PASSWORD))
    with pytest.raises(TotpRequired):
        login(core)
    with pytest.raises(SignInRefused):
        core.logins.login("alice@example.com", "not the password", app.next_code(), AGENT)
    with pytest.raises(CodeRefused):
        login(core, app.wrong())
    code = app.next_code()
    assert who(core, login(core, code)) == cast.alice
    with pytest.raises(CodeRefused):
        login(core, code)
    assert who(core, login(core, app.paper[0])) == cast.alice
    with pytest.raises(CodeRefused):
        login(core, app.paper[0])
    assert len(core.sessions.list(cast.alice)) == 2


def test_who_guesses_codes_is_stopped(core: Core, cast: Cast, time: StoppedClock) -> None:
    app = App(core, time, core.accounts.authenticate("alice@example.com", PASSWORD))
    for _ in range(4):
        assert refused(lambda: login(core, app.wrong())) == "code_refused"
    with pytest.raises(CodesLockedOut) as caught:
        login(core, app.code())
    assert caught.value.facts["wait_seconds"] == 1


def test_who_has_only_a_passkey_is_told_to_use_a_token(core: Core, cast: Cast) -> None:
    alice = core.accounts.authenticate("alice@example.com", PASSWORD)
    options = core.passkeys.begin_adding(alice, SITE, "browser")
    core.passkeys.add(alice, SITE, "browser", Authenticator().create(options))
    for totp in (None, "123456"):
        with pytest.raises(PasskeyNeeded):
            login(core, totp)


def test_wrong_passwords_lock_the_api_and_the_pages_together(core: Core, cast: Cast, time: StoppedClock) -> None:
    for _ in range(4):
        assert refused(lambda: core.logins.login("alice@example.com", "wrong", None, AGENT)) == "sign_in_refused"
    with pytest.raises(LockedOut):
        core.accounts.authenticate("alice@example.com", PASSWORD)
    with pytest.raises(LockedOut):
        login(core)


def test_a_suspension_between_password_and_session_opens_nothing(core: Core, cast: Cast, root: User) -> None:
    user = core.accounts.authenticate("alice@example.com", PASSWORD)
    core.people.suspend(root, cast.alice.id)
    with pytest.raises(SignInRefused):
        core.accounts.start_session(user, AGENT)


def test_an_expired_session_row_ends_its_login(core: Core, cast: Cast) -> None:
    pair = login(core)
    with core.db.transaction() as connection:
        connection.execute(update(sessions).values(expires_at=clock.now()))
    assert who(core, pair) is None


def test_programs_are_recognised() -> None:
    labels = [device_label(agent) for agent in (AGENT, "python-httpx/0.28.1", "PostmanRuntime/7.4", "node")]
    assert labels == ["curl", "Python", "Postman", "Node.js"]
