"""Attacks on accounts, each twice: it is refused, and with exactly its guard taken out it succeeds.

An attack returns what it gained. Those that need HTTP are in ``tests/api/test_attacks.py`` and
``tests/e2e/test_stolen_session_id.py``.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from core.accounts import lockout, mail_links, tries
from core.accounts import repository as accounts_repository
from core.accounts.models import User
from core.accounts.service import Accounts
from core.bootstrap import Core
from core.config import Settings
from core.errors import CoreError
from core.keys.models import KeyDraft
from core.people import repository as people_repository
from core.people import service as people_service
from core.people.service import People
from core.runs.queue import RunQueue
from core.runs.service import Runs
from core.security.tokens import hash_token
from core.two_factor import repository as two_factor_repository
from core.two_factor import service as two_factor_service
from tests.conftest import PASSWORD, Cast
from tests.support.mailbox import MemoryTransport, token_in, with_mail
from tests.support.stopped_clock import StoppedClock
from tests.support.unguarded import take_out

STOLEN = "a password that the attacker chose"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


def code_of(attempt: Callable[[], object]) -> str:
    """Return the code with which an attempt is refused, or "in"."""
    try:
        attempt()
    except CoreError as error:
        return error.code
    return "in"


# --- resetting a password -------------------------------------------------------------------------


def reset_token(core: Core, post: MemoryTransport) -> str:
    core.mail_links.request_reset("alice@example.com")
    while core.outbox.deliver_next():
        pass
    return token_in(post.sent[-1].body.get_secret_value())


def reset_with(core: Core, post: MemoryTransport, token: object) -> bool:
    """Alice has asked for a link; somebody without it sends something else. True: Alice's password is theirs."""
    reset_token(core, post)
    code_of(lambda: core.mail_links.set_new_password(token, STOLEN))
    return code_of(lambda: core.accounts.authenticate("alice@example.com", STOLEN)) == "in"


NO_TOKENS: list[object] = [None, "", [], {}, 0, False, [None], ["x"], {"$ne": None}]


@pytest.mark.parametrize("token", NO_TOKENS, ids=repr)
def test_a_token_that_is_none_resets_nothing(core: Core, cast: Cast, post: MemoryTransport, token: object) -> None:
    assert not reset_with(core, post, token)


@pytest.mark.parametrize("token", NO_TOKENS, ids=repr)
@pytest.mark.parametrize("is_compared", [True, False])
def test_it_would_where_nothing_matches_anything(
    core: Core,
    cast: Cast,
    post: MemoryTransport,
    token: object,
    is_compared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are two guards: what is no token is refused, and a token has to be the one of the row."""
    monkeypatch.setattr(mail_links, "hash_link", lambda given: hash_token(str(given)))
    if not is_compared:
        for name in ("open_link", "use_link"):
            take_out(monkeypatch, accounts_repository, name, ", _links.token_hash == token_hash")
    assert reset_with(core, post, token) == (not is_compared)


def reset_twice(core: Core, post: MemoryTransport) -> bool:
    """Somebody finds the link of a mail that Alice has used. True: Alice's password is theirs."""
    token = reset_token(core, post)
    core.mail_links.set_new_password(token, PASSWORD + " of Alice herself")
    code_of(lambda: core.mail_links.set_new_password(token, STOLEN))
    return code_of(lambda: core.accounts.authenticate("alice@example.com", STOLEN)) == "in"


def test_a_token_resets_once(core: Core, cast: Cast, post: MemoryTransport) -> None:
    assert not reset_twice(core, post)


def test_it_would_reset_again_if_its_use_were_not_looked_at(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_out(monkeypatch, accounts_repository, "_is_open", "_links.used_at.is_(None), ")
    assert reset_twice(core, post)


# --- the second factor ----------------------------------------------------------------------------


class Factor:
    """Alice's authenticator app, and an attacker who has her password."""

    def __init__(self, core: Core, alice: User, clock: StoppedClock) -> None:
        self.core, self.alice, self.clock = core, alice, clock
        self.totp = pyotp.TOTP(core.two_factor.begin(alice).text.replace(" ", ""))
        core.two_factor.enable(alice, self.code())
        clock.advance(seconds=60)

    def code(self) -> str:
        return self.totp.at(self.clock.moment)

    def wrong(self) -> str:
        near = {self.totp.at(self.clock.moment + timedelta(seconds=drift)) for drift in (-30, 0, 30)}
        return next(code for code in map("{:06d}".format, range(10)) if code not in near)

    def half(self) -> str:
        return self.core.two_factor.begin_sign_in(self.alice, "browser")

    def finish(self, half: str, code: str) -> str:
        return code_of(lambda: self.core.two_factor.finish_sign_in(half, "browser", code))


@pytest.fixture
def factor(core: Core, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Factor:
    return Factor(core, cast.alice, StoppedClock(monkeypatch))


def replay(factor: Factor) -> bool:
    """Somebody looks over Alice's shoulder and types her code again. True: they are in."""
    code = factor.code()
    assert factor.finish(factor.half(), code) == "in"
    return factor.finish(factor.half(), code) == "in"


def test_a_code_is_good_once(factor: Factor) -> None:
    assert not replay(factor)


def test_it_would_be_good_again_if_its_step_were_not_compared(
    factor: Factor, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = "or_(users.c.totp_last_step.is_(None), users.c.totp_last_step < step),"
    take_out(monkeypatch, two_factor_repository, "use_step", guard)
    assert replay(factor)


def guess_in_one_sign_in(factor: Factor) -> bool:
    """Somebody guesses on in one half sign-in, as slowly as the account's waits ask. True: a later guess is in."""
    half = factor.half()
    for _ in range(5):
        factor.clock.advance(seconds=5)
        assert factor.finish(half, factor.wrong()) == "code_refused"
    factor.clock.advance(seconds=5)
    return factor.finish(half, factor.code()) == "in"


def test_one_sign_in_has_five_tries(factor: Factor) -> None:
    assert not guess_in_one_sign_in(factor)


def test_it_would_have_more_without_the_count(factor: Factor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_factor_service, "TRIES_PER_SIGN_IN", 10**9)
    assert guess_in_one_sign_in(factor)


def guess_in_many_sign_ins(factor: Factor) -> bool:
    """Somebody with the password begins anew for every guess, without waiting. True: the right guess is judged."""
    for _ in range(20):
        factor.finish(factor.half(), factor.wrong())
    return factor.finish(factor.half(), factor.code()) == "in"


def test_an_account_has_few_tries_however_many_sign_ins(factor: Factor) -> None:
    assert not guess_in_many_sign_ins(factor)


def test_it_would_have_any_number_without_the_waits(factor: Factor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tries.lockout is lockout
    monkeypatch.setattr(lockout, "wait_seconds", lambda *_: 0)
    assert guess_in_many_sign_ins(factor)


# --- rights that were taken away ------------------------------------------------------------------


def act_as_before(core: Core, root: User, alice: User) -> bool:
    """Alice has a page open while she is made a viewer. True: she still adds a key in that session."""
    token = core.accounts.start_session(alice, "agent")
    assert core.accounts.session_user(token) == alice
    core.people.set_role(root, alice.id, "viewer")
    now = core.accounts.session_user(token)
    assert now is not None
    return code_of(lambda: core.keys.add(now, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))) == "in"


def test_a_role_that_was_taken_is_gone_at_the_next_click(core: Core, cast: Cast, root: User) -> None:
    assert not act_as_before(core, root, cast.alice)


def test_it_would_last_if_the_session_remembered_it(
    core: Core, cast: Cast, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Accounts, "session_user", functools.cache(Accounts.session_user))
    assert act_as_before(core, root, cast.alice)


def demote_each_other(core: Core, root: User, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.7) -> bool:
    """Two administrators demote each other in the same moment. True: nobody administers any more.

    Both transactions wait for each other where they have looked and not yet written, as long as locks let them,
    or for so many seconds.
    """
    second = core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    both_have_looked = threading.Barrier(2)
    store = people_service._store

    def store_together(*args: Any, **values: Any) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one waits for a lock
            both_have_looked.wait(seconds)
        store(*args, **values)

    monkeypatch.setattr(people_service, "_store", store_together)
    pairs = [(root, second), (second, root)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda pair: code_of(lambda: core.people.set_role(pair[0], pair[1].id, "member")), pairs))
    now = [core.accounts.user(user.id) for user in (root, second)]
    return not any(user and user.is_admin for user in now)


def test_two_administrators_cannot_remove_each_other(
    core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not demote_each_other(core, root, monkeypatch)


def test_they_could_without_the_lock(core: Core, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    if core.db.is_sqlite:
        # There the lock is the whole write transaction, and what counts is that the actor is read inside of it.
        take_out(monkeypatch, People, "_lock", "active_user(connection, actor.id)", "actor")
        take_out(monkeypatch, people_service, "_check_one_remains", "admins == {person.id}", "False")
    else:
        take_out(monkeypatch, people_repository, "lock", ".with_for_update(key_share=True)")
    assert demote_each_other(core, root, monkeypatch, 0.7 if core.db.is_sqlite else 30)


# --- suspension -----------------------------------------------------------------------------------


def go_on_though_suspended(core: Core, root: User, alice: User) -> bool:
    """Alice is suspended while she is signed in. True: her session goes on."""
    token = core.accounts.start_session(alice, "agent")
    core.people.suspend(root, alice.id)
    return core.accounts.session_user(token) is not None


def test_the_session_of_somebody_suspended_is_over(core: Core, cast: Cast, root: User) -> None:
    assert not go_on_though_suspended(core, root, cast.alice)


def test_it_would_go_on_without_both_guards(
    core: Core, cast: Cast, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.sessions, "revoke_all", lambda *_: 0)
    assert not go_on_though_suspended(core, root, cast.alice)  # the second guard: the owner is active
    core.people.reactivate(root, cast.alice.id)
    take_out(monkeypatch, accounts_repository, "session_owner", "            users.c.is_active,\n")
    assert go_on_though_suspended(core, root, cast.alice)


def keep_a_run_though_suspended(core: Core, root: User, alice: User) -> bool:
    """Alice has a run in the queue when she is suspended. True: it is still there to be executed."""
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "A", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    run = core.runs.start_agent_run(alice, core.agents.create(alice, fields).id, "text")
    core.people.suspend(root, alice.id)
    return core.runs.get(alice, run.id).status == "queued"


def test_the_runs_of_somebody_suspended_end(core: Core, cast: Cast, root: User) -> None:
    assert not keep_a_run_though_suspended(core, root, cast.alice)


def test_they_would_go_on_if_nobody_cancelled_them(
    core: Core, cast: Cast, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runs, "cancel_all", lambda *_: 0)
    assert keep_a_run_though_suspended(core, root, cast.alice)


def sign_in_after_the_suspension(core: Core, root: User, alice: User) -> bool:
    """Alice's password was judged just before her suspension. True: when she is let in again she is signed in."""
    judged = core.accounts.authenticate("alice@example.com", PASSWORD)
    core.people.suspend(root, alice.id)
    tokens: list[str] = []
    code_of(lambda: tokens.append(core.accounts.start_session(judged, "agent")))
    core.people.reactivate(root, alice.id)
    return any(core.accounts.session_user(token) for token in tokens)


def test_a_session_does_not_start_after_the_suspension(core: Core, cast: Cast, root: User) -> None:
    assert not sign_in_after_the_suspension(core, root, cast.alice)


def test_it_would_start_if_nobody_looked(
    core: Core, cast: Cast, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = "repository.user_by_id(connection, user.id, is_kept=True) is None"
    take_out(monkeypatch, Accounts, "start_session", look, "False")
    assert sign_in_after_the_suspension(core, root, cast.alice)


@pytest.mark.parametrize("way", ["without routes", "ticket"])
@pytest.mark.parametrize("is_locked", [True, False])
def test_a_session_does_not_start_beside_the_suspension(
    core: Core, cast: Cast, root: User, way: str, is_locked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session's transaction has looked and not yet written when the suspension comes."""
    if not is_locked and not core.db.is_sqlite:
        kept = "query.with_for_update(read=True) if is_kept else query"
        take_out(monkeypatch, accounts_repository, "user_by_id", kept, "query")
    ticket = core.accounts.issue_ticket(cast.alice, "browser")
    has_looked, is_suspended = threading.Event(), threading.Event()
    insert = accounts_repository.insert_session

    def insert_late(*args: Any, **values: Any) -> None:
        has_looked.set()
        # Where a lock holds the suspension up it does not come; a ticket is taken by both in any case.
        is_suspended.wait(0.7 if is_locked or core.db.is_sqlite else 5 if way == "ticket" else 30)
        insert(*args, **values)

    monkeypatch.setattr(accounts_repository, "insert_session", insert_late)
    tokens: list[str] = []

    def start() -> None:
        if way == "ticket":
            tokens.append(core.accounts.redeem_ticket(ticket, "browser", "agent"))
        else:
            tokens.append(core.accounts.start_session(cast.alice, "agent"))

    thread = threading.Thread(target=lambda: code_of(start), daemon=True)
    thread.start()
    assert has_looked.wait(60)
    core.people.suspend(root, cast.alice.id)
    is_suspended.set()
    thread.join(60)
    core.people.reactivate(root, cast.alice.id)
    is_in = any(core.accounts.session_user(token) for token in tokens)
    # SQLite has one writer at a time: there the whole transaction is the lock, and it cannot be taken out.
    assert is_in == (not is_locked and not core.db.is_sqlite)
