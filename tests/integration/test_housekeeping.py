"""What is old is forgotten once a day, in batches; what is still needed, the audit log and the books stay."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select

from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import (
    audit_log,
    mail_links,
    mail_outbox,
    model_calls,
    oauth_flows,
    rate_limits,
    sessions,
    tickets,
    users,
)
from core.notify import messages
from core.notify.failures import MailRefused
from core.worker import housekeeping
from core.worker.housekeeping import Housekeeping
from tests.conftest import PASSWORD, Cast
from tests.support.mailbox import MemoryTransport, with_mail
from tests.support.stopped_clock import StoppedClock

NEVER = threading.Event()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    monkeypatch.setattr(housekeeping, "PAUSE_SECONDS", 0)
    return StoppedClock(monkeypatch)


def tidied(core: Core) -> dict[str, int]:
    counts = Housekeeping(core).tidy_once_a_day(NEVER)
    assert counts is not None
    return counts


def count(core: Core, table: Table) -> int:
    with core.db.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_it_happens_once_a_day_for_all_workers_together(core: Core, time: StoppedClock) -> None:
    other = build_core(core.settings)
    try:
        assert Housekeeping(core).tidy_once_a_day(NEVER) is not None
        for worker in (core, other):
            assert Housekeeping(worker).tidy_once_a_day(NEVER) is None
        time.advance(hours=23, minutes=59)
        assert Housekeeping(other).tidy_once_a_day(NEVER) is None
        time.advance(minutes=2)
        assert Housekeeping(other).tidy_once_a_day(NEVER) is not None
        assert Housekeeping(core).tidy_once_a_day(NEVER) is None
    finally:
        other.close()


def test_old_sessions_are_forgotten_but_not_a_persons_newest(core: Core, cast: Cast, time: StoppedClock) -> None:
    old = [core.accounts.start_session(cast.alice, f"browser {n}") for n in range(3)]
    core.accounts.start_session(cast.bob, "browser")
    core.accounts.end_session(old[0])
    time.advance(days=80)
    recent = core.accounts.start_session(cast.alice, "browser 3")
    assert tidied(core)["sessions"] == 0
    time.advance(days=12)
    open_one = core.accounts.start_session(cast.alice, "browser 4")
    assert tidied(core)["sessions"] == 3
    assert count(core, sessions) == 3  # two of Alice's, and Bob's newest: it tells when he was last seen
    assert core.accounts.session_user(open_one) == cast.alice
    assert core.accounts.session_user(recent) is None  # over, but kept for a while
    root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    assert core.people.get(root, cast.bob.id).last_seen_at is not None


def test_tickets_and_sign_ins_at_providers_that_are_over_are_forgotten(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    core.accounts.issue_ticket(cast.alice, "browser")
    fields: dict[str, Any] = {"provider": "google", "browser_hash": "b", "nonce": "n", "next_path": "/"}
    with core.db.transaction() as connection:
        connection.execute(
            insert(oauth_flows).values(state_hash="s", verifier_sealed=b"v", expires_at=time(), **fields)
        )
    time.advance(hours=1)
    counts = tidied(core)
    assert (counts["tickets"], counts["sign-ins at providers"]) == (0, 1)
    time.advance(days=1)
    fresh = core.accounts.issue_ticket(cast.alice, "browser")
    tidied(core)
    assert count(core, tickets) == 1
    assert core.accounts.redeem_ticket(fresh, "browser", "agent")
    assert count(core, oauth_flows) == 0


def test_links_are_forgotten_thirty_days_after_their_end(
    core: Core, cast: Cast, post: MemoryTransport, time: StoppedClock
) -> None:
    before = count(core, mail_links)  # one for each of the cast confirms their address
    core.mail_links.request_reset("alice@example.com")
    time.advance(days=29)
    assert tidied(core)["mail links"] == 0
    time.advance(days=2)
    assert tidied(core)["mail links"] == 1  # the reset worked for half an hour
    time.advance(days=7)
    assert tidied(core)["mail links"] == before
    assert count(core, mail_links) == 0


def test_what_failed_mails_said_is_forgotten_after_a_week_and_the_mails_after_a_month(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    post.fail_with = [MailRefused(answer="550 no")]
    with core.db.transaction() as connection:
        core.mail.put(connection, "dora@example.com", messages.key_added(time(), "K"))
    while core.outbox.deliver_next():
        pass
    with core.db.transaction() as connection:
        core.mail.put(connection, "waits@example.com", messages.key_added(time(), "K"))
    time.advance(days=8)
    assert tidied(core)["mails"] == 1
    with core.db.read() as connection:
        kept = connection.execute(select(mail_outbox.c.recipient, mail_outbox.c.body_sealed)).all()
    assert {row.recipient for row in kept if row.body_sealed is None} == {"dora@example.com"}
    time.advance(days=23)
    tidied(core)
    with core.db.read() as connection:
        assert connection.execute(select(mail_outbox.c.recipient)).scalars().all() == ["waits@example.com"]


def test_limits_that_hold_nobody_back_are_forgotten(core: Core, time: StoppedClock) -> None:
    core.limits.take("once", 60, 5)
    core.limits.take("long", 1 / 48, 1)
    time.advance(hours=1)
    assert tidied(core)["limits"] == 1
    with core.db.read() as connection:
        assert set(connection.execute(select(rate_limits.c.key)).scalars()) == {"long", "housekeeping"}


def test_a_large_first_time_goes_in_batches_and_is_bounded(
    core: Core, time: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with core.db.transaction() as connection:
        rows = [{"key": f"k{n}", "tat_seconds": 1.0} for n in range(1200)]
        connection.execute(insert(rate_limits), rows)
    monkeypatch.setattr(housekeeping, "MAX_BATCHES", 2)
    assert tidied(core)["limits"] == 1000
    time.advance(days=1, seconds=1)
    assert tidied(core)["limits"] == 200


def test_a_worker_that_is_told_to_end_leaves_the_rest(core: Core, time: StoppedClock) -> None:
    with core.db.transaction() as connection:
        connection.execute(insert(rate_limits), [{"key": f"k{n}", "tat_seconds": 1.0} for n in range(1200)])
    end = threading.Event()
    end.set()
    counts = Housekeeping(core).tidy_once_a_day(end)
    assert counts is not None
    assert counts["limits"] == 500


def test_people_the_audit_log_and_the_books_stay(core: Core, cast: Cast, time: StoppedClock) -> None:
    core.accounts.end_session(core.accounts.start_session(cast.alice, "browser"))
    before = {table.name: count(core, table) for table in (audit_log, users, model_calls)}
    time.advance(days=4000)
    tidied(core)
    assert {table.name: count(core, table) for table in (audit_log, users, model_calls)} == before
    assert before["audit_log"] > 0


def test_the_worker_goes_on_when_the_database_is_away(
    core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, looks = threading.Event(), []

    def fail(*_: object, **__: object) -> None:
        looks.append(1)
        if len(looks) == 3:
            end.set()
        raise OSError

    monkeypatch.setattr(core.limits, "take", fail)
    monkeypatch.setattr(housekeeping, "LOOK_SECONDS", 0.001)
    Housekeeping(core).serve(end)
    assert len(looks) == 3
