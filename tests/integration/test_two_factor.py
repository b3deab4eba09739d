"""Two-factor sign-in on both databases: each code once, few tries, and nothing readable at rest."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select, update

from core.__main__ import main
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import audit_log, metadata, recovery_codes, sessions, tickets, users
from core.errors import (
    CodeRefused,
    CodesLockedOut,
    Conflict,
    CoreError,
    Forbidden,
    NotFound,
    SecondStepOver,
    SignInRefused,
    StepUpRequired,
    TicketRefused,
)
from tests.conftest import PASSWORD, Cast
from tests.support.stopped_clock import StoppedClock

Code = Callable[[], str]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


class App:
    """Alice's authenticator app and the recovery codes on her paper."""

    def __init__(self, core: Core, time: StoppedClock, owner: User) -> None:
        self._time = time
        self.seed = core.two_factor.begin(owner).text.replace(" ", "")
        self.totp = pyotp.TOTP(self.seed)
        self.paper = core.two_factor.enable(owner, self.code()).codes

    def code(self, drift_seconds: int = 0) -> str:
        return self.totp.at(self._time.moment + timedelta(seconds=drift_seconds))

    def next_code(self) -> str:
        self._time.advance(seconds=30)
        return self.code()

    def wrong(self) -> str:
        right = {self.code(drift) for drift in (-30, 0, 30)}
        return next(code for code in map("{:06d}".format, range(10)) if code not in right)


@pytest.fixture
def app(core: Core, time: StoppedClock, cast: Cast) -> App:
    return App(core, time, fresh(core, cast.alice))


def fresh(core: Core, user: User) -> User:
    """Return somebody who has just typed the password."""
    return core.accounts.authenticate(user.email, PASSWORD)


def half(core: Core, user: User) -> str:
    return core.two_factor.begin_sign_in(user, "browser")


def finish(core: Core, token: str, typed: str) -> str:
    try:
        return core.two_factor.finish_sign_in(token, "browser", typed).email
    except CoreError as error:
        return error.code


def actions(core: Core, action: str) -> list[tuple[str | None, str, str]]:
    with core.db.read() as connection:
        rows = connection.execute(select(audit_log).where(audit_log.c.action == action)).all()
    return [(row.actor_id, row.object_id, row.result) for row in rows]


# --- setting it up ------------------------------------------------------------------------------


def test_nothing_is_in_force_before_a_right_code(core: Core, cast: Cast, time: StoppedClock) -> None:
    alice = fresh(core, cast.alice)
    enrolment = core.two_factor.begin(alice)
    assert core.two_factor.pending(alice) == enrolment
    assert not core.two_factor.is_required(alice)
    for wrong in ("000000", "", "12345", "abcdef", "\ud800", "9" * 5000):
        with pytest.raises(CodeRefused):
            core.two_factor.enable(alice, wrong)
    assert not core.two_factor.state(alice).is_enabled
    code = pyotp.TOTP(enrolment.text.replace(" ", "")).at(time.moment)
    assert len(core.two_factor.enable(alice, code).codes) == 10
    assert core.two_factor.is_required(alice)
    assert core.two_factor.state(alice).recovery_codes_left == 10
    assert core.two_factor.pending(alice) is None
    assert actions(core, "two_factor.enabled") == [(alice.id, alice.id, "ok")]


def test_beginning_anew_makes_the_first_seed_worthless(core: Core, cast: Cast, time: StoppedClock) -> None:
    alice = fresh(core, cast.alice)
    first = pyotp.TOTP(core.two_factor.begin(alice).text.replace(" ", ""))
    core.two_factor.begin(alice)
    with pytest.raises(CodeRefused):
        core.two_factor.enable(alice, first.at(time.moment))


def test_what_is_on_cannot_be_begun_or_enabled_again(core: Core, app: App, cast: Cast) -> None:
    alice = fresh(core, cast.alice)
    with pytest.raises(Conflict):
        core.two_factor.begin(alice)
    with pytest.raises(Conflict):
        core.two_factor.enable(alice, app.next_code())
    assert core.two_factor.is_required(alice)


def test_enabling_without_beginning_is_refused(core: Core, cast: Cast) -> None:
    with pytest.raises(Conflict):
        core.two_factor.enable(fresh(core, cast.alice), "123456")


def test_bob_is_not_touched_by_alices_second_factor(core: Core, app: App, cast: Cast) -> None:
    assert not core.two_factor.is_required(cast.bob)
    assert core.two_factor.pending(fresh(core, cast.bob)) is None
    bob = half(core, cast.bob)
    assert finish(core, bob, app.next_code()) == "code_refused"
    assert finish(core, bob, app.paper[0]) == "code_refused"


def test_seed_and_recovery_codes_are_readable_nowhere(
    core: Core, app: App, cast: Cast, capfd: pytest.CaptureFixture[str]
) -> None:
    finish(core, half(core, cast.alice), app.paper[0])
    with core.db.read() as connection:
        stored = str([connection.execute(select(table)).all() for table in metadata.sorted_tables])
        sealed = connection.execute(select(users.c.totp_sealed).where(users.c.id == cast.alice.id)).scalar_one()
    out = capfd.readouterr()
    for secret in (app.seed, app.seed.lower(), *app.paper, *(code.replace("-", "") for code in app.paper)):
        assert secret not in stored
        assert secret.encode() not in sealed
        assert secret not in out.out + out.err


def test_a_seed_moved_to_another_person_does_not_open(core: Core, app: App, cast: Cast) -> None:
    with core.db.transaction() as connection:
        sealed = connection.execute(select(users.c.totp_sealed).where(users.c.id == cast.alice.id)).scalar_one()
        values = {"totp_sealed": sealed, "totp_enabled_at": app._time.moment}
        connection.execute(update(users).where(users.c.id == cast.bob.id).values(**values))
    assert finish(core, half(core, cast.bob), app.next_code()) == "secret_unreadable"


# --- signing in ---------------------------------------------------------------------------------


def test_alice_signs_in_with_a_code(core: Core, app: App, cast: Cast) -> None:
    alice = core.two_factor.finish_sign_in(half(core, cast.alice), "browser", app.next_code())
    assert alice == cast.alice
    assert core.accounts.session_user(core.accounts.start_session(alice, "agent")) == alice
    assert actions(core, "sign_in.succeeded") == [(alice.id, alice.id, "ok")]


def test_the_password_alone_opens_nothing(core: Core, app: App, cast: Cast) -> None:
    token = half(core, cast.alice)
    for browser in ("browser", "second-step/browser", ""):
        with pytest.raises(TicketRefused):
            core.accounts.redeem_ticket(token, browser, "agent")
    assert core.accounts.session_user(token) is None
    with core.db.read() as connection:
        assert connection.execute(select(func.count()).select_from(sessions)).scalar_one() == 0


def test_a_ticket_is_no_half_sign_in(core: Core, app: App, cast: Cast) -> None:
    ticket = core.accounts.issue_ticket(cast.alice, "browser")
    assert finish(core, ticket, app.next_code()) == "second_step_over"


def test_a_code_is_good_once(core: Core, app: App, cast: Cast) -> None:
    assert finish(core, half(core, cast.alice), app.code()) == "code_refused"  # it has turned it on
    code = app.next_code()
    assert finish(core, half(core, cast.alice), code) == cast.alice.email
    assert finish(core, half(core, cast.alice), code) == "code_refused"
    assert finish(core, half(core, cast.alice), app.code(-30)) == "code_refused"  # and none before it


@pytest.mark.parametrize(("drift", "is_right"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_phone_may_be_half_a_minute_off(core: Core, app: App, cast: Cast, drift: int, is_right: bool) -> None:
    app._time.advance(minutes=5)
    expected = cast.alice.email if is_right else "code_refused"
    assert finish(core, half(core, cast.alice), app.code(drift)) == expected


def test_of_many_with_one_code_one_gets_in(core: Core, app: App, cast: Cast) -> None:
    code = app.next_code()
    tokens = [half(core, cast.alice) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda token: finish(core, token, code), tokens))
    assert sorted(outcomes) == [cast.alice.email, *["code_refused"] * 3]


def test_a_half_sign_in_is_used_once(core: Core, app: App, cast: Cast) -> None:
    token = half(core, cast.alice)
    assert finish(core, token, app.next_code()) == cast.alice.email
    assert finish(core, token, app.next_code()) == "second_step_over"


def test_a_half_sign_in_used_by_many_at_once_opens_one(core: Core, app: App, cast: Cast) -> None:
    token = half(core, cast.alice)
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda code: finish(core, token, code), app.paper[:4]))
    assert sorted(outcomes) == [cast.alice.email, *["second_step_over"] * 3]
    assert core.two_factor.state(cast.alice).recovery_codes_left == 9


def test_a_half_sign_in_is_bound_to_its_browser(core: Core, app: App, cast: Cast) -> None:
    token = half(core, cast.alice)
    code = app.next_code()
    for browser in ("another", "", "BROWSER"):
        with pytest.raises(SecondStepOver):
            core.two_factor.finish_sign_in(token, browser, code)
    assert finish(core, token, code) == cast.alice.email


def test_a_half_sign_in_expires_after_five_minutes(core: Core, app: App, cast: Cast) -> None:
    early, late = half(core, cast.alice), half(core, cast.alice)
    app._time.advance(seconds=299)
    assert finish(core, early, app.code()) == cast.alice.email
    app._time.advance(seconds=1)
    assert finish(core, late, app.code(30)) == "second_step_over"


@pytest.mark.parametrize("token", ["", "x", "\ud800", "x" * 100_000])
def test_a_made_up_half_sign_in_is_nobodys(core: Core, app: App, token: str) -> None:
    assert finish(core, token, app.next_code()) == "second_step_over"


def test_a_half_sign_in_is_kept_as_hash_and_forgotten(core: Core, app: App, cast: Cast) -> None:
    token = half(core, cast.alice)
    finish(core, token, app.wrong())
    with core.db.read() as connection:
        assert token not in str(connection.execute(select(tickets)).all())
    app._time.advance(minutes=6)
    half(core, cast.alice)
    with core.db.read() as connection:
        assert connection.execute(select(func.count()).select_from(tickets)).scalar_one() == 1


def test_an_inactive_person_does_not_get_in_by_the_second_step(core: Core, app: App, cast: Cast) -> None:
    token = half(core, cast.alice)
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == cast.alice.id).values(is_active=False))
    assert finish(core, token, app.next_code()) == "second_step_over"


def test_a_half_sign_in_stands_until_it_is_left_used_or_late(
    core: Core, cast: Cast, app: App, time: StoppedClock
) -> None:
    left = half(core, cast.alice)
    assert core.two_factor.is_sign_in_begun(left, "browser")
    assert not core.two_factor.is_sign_in_begun(left, "browser of charlie")
    core.two_factor.leave_sign_in(left, "browser of charlie")
    assert core.two_factor.is_sign_in_begun(left, "browser")
    core.two_factor.leave_sign_in(left, "browser")
    core.two_factor.leave_sign_in(left, "browser")
    assert not core.two_factor.is_sign_in_begun(left, "browser")
    assert finish(core, left, app.next_code()) == "second_step_over"
    used, late = half(core, cast.alice), half(core, cast.alice)
    assert finish(core, used, app.next_code()) == cast.alice.email
    assert not core.two_factor.is_sign_in_begun(used, "browser")
    assert core.two_factor.is_sign_in_begun(late, "browser")
    time.advance(minutes=5, seconds=1)
    assert not core.two_factor.is_sign_in_begun(late, "browser")


# --- guessing -----------------------------------------------------------------------------------


def test_a_sign_in_has_five_tries(core: Core, app: App, cast: Cast) -> None:
    token, heard = half(core, cast.alice), []
    for _ in range(5):
        heard.append(finish(core, token, app.wrong()))
        app._time.advance(seconds=1)
    assert heard == ["code_refused"] * 5
    assert finish(core, token, app.code(30)) == "second_step_over"
    assert actions(core, "sign_in.refused") == [(cast.alice.id, cast.alice.id, "code_refused")] * 5


def test_an_account_has_at_most_twenty_tries_an_hour(core: Core, app: App, cast: Cast) -> None:
    judged = 0
    for _ in range(3600 // 5):
        judged += finish(core, half(core, cast.alice), app.wrong()) == "code_refused"
        app._time.advance(seconds=5)
    assert 10 <= judged <= 20


def test_a_right_code_waits_like_any_other(core: Core, app: App, cast: Cast) -> None:
    for _ in range(4):
        finish(core, half(core, cast.alice), app.wrong())
    with pytest.raises(CodesLockedOut) as caught:
        core.two_factor.finish_sign_in(half(core, cast.alice), "browser", app.code(30))
    assert caught.value.sentence == "Too many wrong codes. Please wait 1 s before the next try."
    assert finish(core, half(core, cast.alice), app.paper[0]) == "locked_out"
    app._time.advance(seconds=1)
    assert finish(core, half(core, cast.alice), app.code(30)) == cast.alice.email


@pytest.mark.parametrize("one_token", [True, False])
def test_of_many_guesses_at_once_only_four_are_judged(core: Core, app: App, cast: Cast, one_token: bool) -> None:
    first, wrong = half(core, cast.alice), app.wrong()
    tokens = [first if one_token else half(core, cast.alice) for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(lambda token: finish(core, token, wrong), tokens))
    assert sorted(outcomes) == ["code_refused"] * 4 + ["locked_out"] * 8


def test_wrong_passwords_and_wrong_codes_are_counted_apart(core: Core, app: App, cast: Cast) -> None:
    for _ in range(4):
        finish(core, half(core, cast.alice), app.wrong())
    assert fresh(core, cast.alice) == cast.alice
    assert finish(core, half(core, cast.alice), app.code(30)) == "locked_out"


# --- recovery codes -----------------------------------------------------------------------------


def test_each_recovery_code_signs_in_once(core: Core, app: App, cast: Cast) -> None:
    assert len(set(app.paper)) == 10
    typed = [app.paper[0].upper(), app.paper[1].replace("-", " "), *app.paper[2:]]
    for number, code in enumerate(typed, 1):
        assert finish(core, half(core, cast.alice), code) == cast.alice.email
        assert finish(core, half(core, cast.alice), code) == "code_refused"
        assert core.two_factor.state(cast.alice).recovery_codes_left == 10 - number
    assert len(actions(core, "recovery_code.used")) == 10
    assert finish(core, half(core, cast.alice), app.next_code()) == cast.alice.email


def test_new_recovery_codes_replace_the_ones_before(core: Core, app: App, cast: Cast) -> None:
    fresh_codes = core.two_factor.new_recovery_codes(fresh(core, cast.alice)).codes
    assert finish(core, half(core, cast.alice), app.paper[0]) == "code_refused"
    assert finish(core, half(core, cast.alice), fresh_codes[0]) == cast.alice.email
    with pytest.raises(Conflict):
        core.two_factor.new_recovery_codes(fresh(core, cast.bob))


# --- turning it off -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["code", "recovery"])
def test_alice_turns_it_off_with_a_code(core: Core, app: App, cast: Cast, kind: str) -> None:
    alice = fresh(core, cast.alice)
    with pytest.raises(CodeRefused):
        core.two_factor.disable(alice, app.wrong())
    core.two_factor.disable(alice, app.next_code() if kind == "code" else app.paper[0])
    assert not core.two_factor.is_required(alice)
    with core.db.read() as connection:
        assert connection.execute(select(recovery_codes)).all() == []
        row = connection.execute(select(users).where(users.c.id == alice.id)).one()
    assert (row.totp_sealed, row.totp_enabled_at, row.totp_last_step) == (None, None, None)
    assert [entry[2] for entry in actions(core, "two_factor.disabled")] == ["code_refused", "ok"]


def test_an_administrator_resets_a_lost_second_factor(core: Core, app: App, cast: Cast, root: User) -> None:
    hers, bobs = (core.accounts.start_session(user, "agent") for user in (cast.alice, cast.bob))
    half_way = half(core, cast.alice)
    core.two_factor.reset(root, cast.alice.id)
    assert not core.two_factor.is_required(cast.alice)
    assert core.accounts.session_user(hers) is None
    assert finish(core, half_way, app.code()) == "second_step_over"
    assert core.accounts.session_user(bobs) == cast.bob
    assert actions(core, "two_factor.reset") == [(root.id, cast.alice.id, "ok")]
    with pytest.raises(NotFound):
        core.two_factor.reset(root, "user_nobody")
    with pytest.raises(Conflict):
        core.two_factor.reset(root, root.id)


def test_who_is_no_administrator_any_more_resets_nobody(core: Core, app: App, cast: Cast, root: User) -> None:
    """``second`` is as their open page still has them."""
    second = core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    core.people.set_role(root, second.id, "manager")
    with pytest.raises(Forbidden):
        core.two_factor.reset(second, cast.alice.id)
    assert core.two_factor.is_required(cast.alice)


def test_the_command_resets_the_only_administrator(
    core: Core, app: App, cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("core.commands.build_core", lambda: core)
    hers = core.accounts.start_session(cast.alice, "agent")
    assert main(["reset-two-factor", "Alice@example.com"]) == 0
    said = "Two-factor sign-in of alice@example.com is off, and every browser was signed out.\n"
    assert capsys.readouterr().out == said
    assert not core.two_factor.is_required(cast.alice)
    assert core.accounts.session_user(hers) is None
    with core.db.read() as connection:
        row = connection.execute(select(audit_log).where(audit_log.c.action == "two_factor.reset")).one()
    assert (row.actor_id, row.actor_email, row.object_id) == (None, "command line", cast.alice.id)
    for email, code, sentence in [
        ("alice@example.com", 2, "Two-factor sign-in of this person is off already."),
        ("nobody@example.com", 2, "There is no such person, or they are suspended."),
        ("no address", 2, "This is not an e-mail address."),
    ]:
        assert main(["reset-two-factor", email]) == code
        assert capsys.readouterr().err.strip() == sentence
    assert main(["reset-two-factor"]) == main(["reset-two-factor", "a", "b"]) == 64


def test_charlie_resets_nobody(core: Core, app: App, cast: Cast) -> None:
    for user_id in (cast.alice.id, cast.charlie.id, "user_nobody"):
        with pytest.raises(Forbidden):
            core.two_factor.reset(fresh(core, cast.charlie), user_id)
    assert core.two_factor.is_required(cast.alice)


# --- step-up ------------------------------------------------------------------------------------


def test_after_ten_minutes_alice_has_to_confirm(core: Core, app: App, cast: Cast, root: User) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    app._time.advance(minutes=10, seconds=1)
    alice = core.accounts.session_user(token)
    assert alice is not None
    old_root = core.accounts.session_user(core.accounts.start_session(root, "agent"))
    assert old_root is not None
    app._time.advance(minutes=10, seconds=1)
    attempts: list[Callable[[], object]] = [
        lambda: core.two_factor.begin(alice),
        lambda: core.two_factor.pending(alice),
        lambda: core.two_factor.enable(alice, app.code()),
        lambda: core.two_factor.disable(alice, app.code()),
        lambda: core.two_factor.new_recovery_codes(alice),
        lambda: core.two_factor.reset(old_root, alice.id),
        lambda: core.organisation.change(old_root, {"company_name": "Acme"}),
    ]
    for attempt in attempts:
        with pytest.raises(StepUpRequired) as caught:
            attempt()
        assert caught.value.sentence == "Please confirm that it is you."


@pytest.mark.parametrize("kind", ["code", "password"])
def test_alice_confirms_with_code_or_password(core: Core, app: App, cast: Cast, kind: str) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    app._time.advance(minutes=11)
    core.two_factor.prove(cast.alice, token, app.code() if kind == "code" else PASSWORD)
    alice = core.accounts.session_user(token)
    assert alice is not None
    assert alice.proved_at == app._time.moment
    assert core.two_factor.new_recovery_codes(alice)


def test_a_wrong_proof_changes_nothing(core: Core, app: App, cast: Cast) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    began = app._time.moment
    app._time.advance(minutes=11)
    for typed, error in (("wrong", SignInRefused), (app.wrong(), CodeRefused), (app.paper[0], SignInRefused)):
        with pytest.raises(error):
            core.two_factor.prove(cast.alice, token, typed)
    code = app.code()
    with pytest.raises(StepUpRequired):
        core.two_factor.prove(cast.alice, None, code)
    alice = core.accounts.session_user(token)
    assert alice is not None
    assert alice.proved_at == began
    assert core.two_factor.state(alice).recovery_codes_left == 10


def test_charlie_proves_nothing_for_alices_session(core: Core, app: App, cast: Cast) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    app._time.advance(minutes=11)
    with pytest.raises(StepUpRequired):
        core.two_factor.prove(cast.charlie, token, PASSWORD)
    core.accounts.end_session(token)
    with pytest.raises(StepUpRequired):
        core.two_factor.prove(cast.alice, token, PASSWORD)


def test_who_has_no_second_factor_confirms_with_the_password_only(core: Core, app: App, cast: Cast) -> None:
    token = core.accounts.start_session(cast.bob, "agent")
    with pytest.raises(SignInRefused):
        core.two_factor.prove(cast.bob, token, app.next_code())
    core.two_factor.prove(cast.bob, token, PASSWORD)
