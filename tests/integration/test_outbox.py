"""The outbox: every mail is sent once, later when it has to be, and never twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select, update

from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import mail_outbox
from core.errors import Conflict, Forbidden, MailNotSetUp, NotFound, RateLimitedHere
from core.notify import messages
from core.notify.failures import MailDelayed, MailRefused, MailSetUpWrong, MailUnsure
from core.notify.models import Message
from core.notify.outbox import LOST, RETRY_AFTER, SET_UP_RETRY
from tests.conftest import PASSWORD
from tests.support.mailbox import MemoryTransport, with_mail
from tests.support.stopped_clock import StoppedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Killed(BaseException):
    """What kill -9 looks like from inside."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    clock = StoppedClock(monkeypatch)
    clock.moment = NOON
    return clock


def put(core: Core, message: Message | None = None, recipient: str = "alice@example.com") -> str:
    with core.db.transaction() as connection:
        mail_id = core.mail.put(
            connection, recipient, message or messages.reset("https://zoark.example.com/secret")
        )
    assert mail_id is not None
    return mail_id


def row(core: Core, mail_id: str) -> Any:
    with core.db.read() as connection:
        return connection.execute(select(mail_outbox).where(mail_outbox.c.id == mail_id)).one()


def deliver(core: Core) -> None:
    while core.outbox.deliver_next():
        pass


def test_a_mail_is_sent_once_and_its_body_wiped(core: Core, post: MemoryTransport, time: StoppedClock) -> None:
    mail_id = put(core)
    assert core.work_is_waiting()
    assert b"secret" not in row(core, mail_id).body_sealed
    deliver(core)
    deliver(core)
    (mail,) = post.sent
    assert (mail.id, mail.sender, mail.recipient) == (mail_id, "Zoark <zoark@example.com>", "alice@example.com")
    assert "https://zoark.example.com/secret" in mail.body.get_secret_value()
    sent = row(core, mail_id)
    assert (sent.status, sent.body_sealed, sent.sent_at, sent.attempts) == ("sent", None, NOON, 1)
    assert not core.work_is_waiting()


def test_a_mail_is_rolled_back_with_what_it_is_about(core: Core, post: MemoryTransport) -> None:
    def fail() -> None:
        with core.db.transaction() as connection:
            core.mail.put(connection, "alice@example.com", messages.reset("x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert core.mail.next_due_at() is None


def test_a_delayed_mail_is_tried_four_more_times_and_then_fails(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    mail_id = put(core)
    post.fail_with = [MailDelayed(answer="451 later") for _ in range(9)]
    for number, pause in enumerate(RETRY_AFTER, start=1):
        deliver(core)
        waiting = row(core, mail_id)
        assert (waiting.status, waiting.attempts, waiting.due_at) == ("queued", number, time() + pause)
        assert waiting.error == "The mail server could not take this message now: 451 later"
        assert core.mail.next_due_at() == time() + pause
        assert not core.work_is_waiting()
        time.moment += pause
        assert core.work_is_waiting()
    deliver(core)
    failed = row(core, mail_id)
    assert (failed.status, failed.attempts) == ("failed", 5)
    assert core.mail.next_due_at() is None
    assert [pause.total_seconds() for pause in RETRY_AFTER] == [60, 300, 1800, 7200]


def test_a_delayed_mail_arrives_when_the_server_is_back(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    put(core)
    post.fail_with = [MailDelayed(answer="421 busy")]
    deliver(core)
    time.advance(minutes=1)
    deliver(core)
    assert len(post.sent) == 1


def test_a_refused_mail_fails_at_once(core: Core, post: MemoryTransport, time: StoppedClock) -> None:
    mail_id = put(core)
    post.fail_with = [MailRefused(answer="550 no such user")]
    deliver(core)
    failed = row(core, mail_id)
    assert (failed.status, failed.attempts) == ("failed", 1)
    assert failed.error == "The mail server refused this message: 550 no such user"


def test_a_mail_that_may_have_been_sent_is_not_sent_again(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    first, second = put(core), put(core)
    post.fail_with = [MailUnsure(answer="it gave no answer"), ZeroDivisionError()]
    assert core.outbox.deliver_next()
    with pytest.raises(ZeroDivisionError):
        core.outbox.deliver_next()
    time.advance(days=1)
    deliver(core)
    assert post.sent == []
    assert [row(core, mail_id).status for mail_id in (first, second)] == ["unknown", "unknown"]


@pytest.mark.parametrize("moment", ["before it was sent", "after it was sent"])
def test_a_worker_killed_while_it_sends_leaves_an_unknown_mail_that_is_not_sent_again(
    core: Core, post: MemoryTransport, time: StoppedClock, moment: str
) -> None:
    mail_id = put(core)
    if moment == "before it was sent":
        post.fail_with = [Killed()]
    else:
        core.outbox._settle = _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        core.outbox.deliver_next()
    gone = len(post.sent)
    other = build_core(core.settings)
    other.mail.transport = post
    try:
        assert not other.outbox.deliver_next()
        assert row(core, mail_id).status == "sending"
        time.advance(minutes=10, seconds=1)
        assert other.work_is_waiting()  # somebody has to mark it
        assert not other.outbox.deliver_next()
    finally:
        other.close()
    lost = row(core, mail_id)
    assert (lost.status, lost.error, lost.body_sealed) == ("unknown", LOST, None)
    assert len(post.sent) == gone == (moment == "after it was sent")
    assert not core.work_is_waiting()


def _killed(*_: object) -> None:
    raise Killed


def test_a_slow_worker_still_says_that_it_has_sent_a_mail_given_up_for_lost(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    mail_id = put(core)

    def meanwhile() -> None:
        time.advance(minutes=11)
        assert core.outbox.claim() is None
        assert row(core, mail_id).status == "unknown"

    post.before_send = meanwhile
    assert core.outbox.deliver_next()
    assert row(core, mail_id).status == "sent"


def test_a_slow_workers_failure_does_not_bring_back_a_mail_given_up_for_lost(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    mail_id = put(core)

    def meanwhile() -> None:
        time.advance(minutes=11)
        core.outbox.claim()

    post.before_send = meanwhile
    post.fail_with = [MailDelayed(answer="421 busy")]
    assert core.outbox.deliver_next()
    assert row(core, mail_id).status == "unknown"


def test_two_workers_send_every_mail_once(core: Core, post: MemoryTransport) -> None:
    wanted = {put(core) for _ in range(20)}
    other = build_core(core.settings)
    other.mail.transport = post
    start = Barrier(4)

    def work(outbox: Any) -> None:
        start.wait()
        while outbox.deliver_next():
            pass

    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, [core.outbox, other.outbox, core.outbox, other.outbox]))
    finally:
        other.close()
    assert sorted(mail.id for mail in post.sent) == sorted(wanted)


def test_a_body_moved_to_another_row_is_not_sent(core: Core, post: MemoryTransport) -> None:
    mine, stolen = put(core, recipient="charlie@example.com"), put(core)
    with core.db.transaction() as connection:
        connection.execute(
            update(mail_outbox).where(mail_outbox.c.id == mine).values(body_sealed=row(core, stolen).body_sealed)
        )
    deliver(core)
    assert [mail.recipient for mail in post.sent] == ["alice@example.com"]
    assert row(core, mine).status == "failed"


# --- settings that do not work --------------------------------------------------------------------

KEY_WRONG = "the key is not accepted (401)."


def test_mail_waits_while_the_key_is_wrong_and_arrives_when_it_is_mended(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    first, second = put(core), put(core)
    tries: list[None] = []
    post.before_send = lambda: tries.append(None)
    post.fail_with = [MailSetUpWrong(answer=KEY_WRONG) for _ in range(50)]
    for _ in range(30):
        deliver(core)
        assert not core.work_is_waiting()
        time.moment += SET_UP_RETRY
    assert len(tries) == 30  # one try a quarter of an hour, however much waits
    for mail_id in (first, second):
        waiting = row(core, mail_id)
        assert (waiting.status, waiting.attempts) == ("queued", 0)
        assert waiting.error == str(MailSetUpWrong(answer=KEY_WRONG))
        assert waiting.error.endswith("It is tried again every 15 minutes until somebody mends them.")
    post.fail_with = []
    deliver(core)
    assert sorted(mail.id for mail in post.sent) == sorted([first, second])


def test_a_week_of_a_wrong_key_is_the_end_of_a_mail(core: Core, post: MemoryTransport, time: StoppedClock) -> None:
    mail_id = put(core, messages.key_added(time(), "K"))
    post.fail_with = [MailSetUpWrong(answer=KEY_WRONG) for _ in range(2)]
    deliver(core)
    time.advance(days=7, seconds=1)
    deliver(core)
    assert row(core, mail_id).status == "failed"


def test_tries_with_a_wrong_key_leave_a_mail_all_its_other_attempts(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    mail_id = put(core)
    post.fail_with = [MailSetUpWrong(answer=KEY_WRONG) for _ in range(6)]
    for _ in range(6):
        deliver(core)
        time.moment += SET_UP_RETRY
    post.fail_with = [MailDelayed(answer="421 busy")]
    deliver(core)
    assert (row(core, mail_id).status, row(core, mail_id).attempts) == ("queued", 1)


# --- what administrators do with it ---------------------------------------------------------------


@pytest.fixture
def ada(core: Core, post: MemoryTransport) -> User:
    user = core.accounts.create_user("ada@example.com", "Ada", PASSWORD, "admin")
    deliver(core)
    post.sent.clear()
    return user


def test_ada_has_a_failed_mail_sent_again(core: Core, post: MemoryTransport, time: StoppedClock, ada: User) -> None:
    mail_id = put(core)
    post.fail_with = [MailRefused(answer="550 no such user")]
    deliver(core)
    (failed,) = core.mail.list(ada, "failed")
    assert (failed.id, failed.can_be_retried, failed.attempts) == (mail_id, True, 1)
    assert failed.error == "The mail server refused this message: 550 no such user"
    core.mail.retry(ada, mail_id)
    assert [mail.id for mail in core.mail.list(ada, "waiting")] == [mail_id]
    deliver(core)
    assert [mail.id for mail in post.sent] == [mail_id]
    assert core.mail.get(ada, mail_id).state == "sent"
    assert row(core, mail_id).body_sealed is None
    with pytest.raises(Conflict):
        core.mail.retry(ada, mail_id)
    assert mail_id in [mail.id for mail in core.mail.list(ada, "sent")]


def test_mails_come_page_by_page_though_some_are_forgotten_meanwhile(
    core: Core, post: MemoryTransport, time: StoppedClock, ada: User
) -> None:
    for step in (0, 0, 0, 1, 1):
        time.advance(seconds=step)
        put(core)
    whole = core.mail.list(ada, "waiting")
    first = core.mail.list(ada, "waiting", limit=2)
    with core.db.transaction() as connection:
        connection.execute(delete(mail_outbox).where(mail_outbox.c.id == first[-1].id))
    behind = [(mail.created_at, mail.id) for mail in first][-1]
    rest = core.mail.list(ada, "waiting", before=behind)
    assert [*first, *rest] == whole
    assert len(whole) == 5


def test_a_link_that_has_expired_is_not_sent_again(
    core: Core, post: MemoryTransport, time: StoppedClock, ada: User
) -> None:
    reset, invitation = put(core), put(core, messages.invitation("https://zoark.example.com/x", "Ada"))
    post.fail_with = [MailRefused(answer="550 no"), MailRefused(answer="550 no")]
    deliver(core)
    time.advance(minutes=31)
    assert {mail.id: mail.can_be_retried for mail in core.mail.list(ada, "failed")} == {
        reset: False,
        invitation: True,
    }
    with pytest.raises(Conflict):
        core.mail.retry(ada, reset)
    time.advance(days=7)
    core.outbox.forget_old()
    assert row(core, invitation).body_sealed is None
    with pytest.raises(Conflict):
        core.mail.retry(ada, invitation)


def test_what_may_have_been_sent_is_never_sent_again(
    core: Core, post: MemoryTransport, time: StoppedClock, ada: User
) -> None:
    mail_id = put(core)
    post.fail_with = [MailUnsure(answer="it gave no answer")]
    deliver(core)
    assert not core.mail.get(ada, mail_id).can_be_retried
    with pytest.raises(Conflict):
        core.mail.retry(ada, mail_id)


def test_two_administrators_retrying_at_once_send_one_mail(core: Core, post: MemoryTransport, ada: User) -> None:
    mail_id = put(core)
    post.fail_with = [MailRefused(answer="550 no")]
    deliver(core)

    def retry(_: int) -> str:
        try:
            core.mail.retry(ada, mail_id)
        except Conflict as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(retry, range(4))) == ["conflict"] * 3 + ["ok"]
    deliver(core)
    assert [mail.id for mail in post.sent] == [mail_id]


def test_ada_mends_the_settings_and_does_not_wait(
    core: Core, post: MemoryTransport, time: StoppedClock, ada: User
) -> None:
    wanted = sorted([put(core), put(core)])
    post.fail_with = [MailSetUpWrong(answer=KEY_WRONG)]
    deliver(core)
    assert core.mail.retry_waiting(ada) == 2
    assert core.work_is_waiting()
    deliver(core)
    assert sorted(mail.id for mail in post.sent) == wanted
    assert core.mail.retry_waiting(ada) == 0


def test_ada_sends_herself_a_test_mail_and_reads_how_it_went(
    core: Core, post: MemoryTransport, time: StoppedClock, ada: User
) -> None:
    mail_id = core.mail.send_test(ada)
    assert core.mail.get(ada, mail_id).state == "queued"
    deliver(core)
    assert core.mail.get(ada, mail_id).state == "sent"
    (mail,) = post.sent
    assert (mail.recipient, mail.subject) == ("ada@example.com", "Test mail from Zoark")
    for _ in range(9):
        core.mail.send_test(ada)
    with pytest.raises(RateLimitedHere):
        core.mail.send_test(ada)


def test_a_decoy_is_shown_to_nobody(core: Core, post: MemoryTransport, ada: User) -> None:
    with core.db.transaction() as connection:
        decoy = core.mail.put(connection, "nobody@example.com", messages.reset("x"), is_decoy=True)
    assert decoy is not None
    assert all(core.mail.list(ada, group) == [] for group in ("waiting", "failed", "sent"))
    with pytest.raises(NotFound):
        core.mail.get(ada, decoy)
    with pytest.raises(NotFound):
        core.mail.retry(ada, decoy)


def test_charlie_has_no_say_in_the_mail(core: Core, post: MemoryTransport, charlie: User) -> None:
    mail_id = put(core)
    for attempt in (
        lambda: core.mail.list(charlie, "waiting"),
        lambda: core.mail.get(charlie, mail_id),
        lambda: core.mail.retry(charlie, mail_id),
        lambda: core.mail.retry_waiting(charlie),
        lambda: core.mail.send_test(charlie),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_without_a_transport_nothing_is_retried(core: Core, post: MemoryTransport, ada: User) -> None:
    core.mail.transport = None
    status = core.mail.status(ada)
    assert (status.transport, status.way, status.setting) == (None, "", "")
    for attempt in (
        lambda: core.mail.send_test(ada),
        lambda: core.mail.retry(ada, "mail_1"),
        lambda: core.mail.retry_waiting(ada),
    ):
        with pytest.raises(MailNotSetUp):
            attempt()


# --- the daily cap --------------------------------------------------------------------------------


@pytest.fixture
def capped(core: Core, post: MemoryTransport) -> MemoryTransport:
    core.mail.daily_cap = 10
    return post


def test_mail_over_the_cap_waits_until_the_next_day_in_utc(
    core: Core, capped: MemoryTransport, time: StoppedClock
) -> None:
    for _ in range(12):
        put(core)
    deliver(core)
    assert len(capped.sent) == 10
    assert core.mail.next_due_at() == datetime(2026, 11, 25, tzinfo=UTC)
    assert not core.work_is_waiting()
    time.moment = datetime(2026, 11, 25, 0, 0, 1, tzinfo=UTC)
    deliver(core)
    assert len(capped.sent) == 12


def test_two_workers_stay_below_the_cap_together(core: Core, capped: MemoryTransport, time: StoppedClock) -> None:
    for _ in range(20):
        put(core)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: deliver(core), range(4)))
    assert len(capped.sent) == 10


def test_mails_that_may_have_been_sent_count(core: Core, capped: MemoryTransport, time: StoppedClock) -> None:
    capped.fail_with = [MailUnsure(answer="it gave no answer") for _ in range(4)]
    for _ in range(12):
        put(core)
    deliver(core)
    assert len(capped.sent) == 6


def test_notices_near_the_cap_become_one_digest_a_person(
    core: Core, capped: MemoryTransport, time: StoppedClock
) -> None:
    for _ in range(8):
        put(core)
    deliver(core)
    for number in range(3):
        put(core, messages.key_added(time(), f"Key {number}"))
    put(core, messages.new_device(time(), "Firefox on Linux", "203.0.113.7"))
    put(core, messages.password_changed(time()), "bob@example.com")
    put(core)  # a link somebody waits for is no notice
    deliver(core)
    assert [mail.subject for mail in capped.sent[8:]] == ["Set a new password"]
    time.moment = datetime(2026, 11, 25, 0, 0, 1, tzinfo=UTC)
    deliver(core)
    alice, bob = sorted(capped.sent[9:], key=lambda mail: mail.recipient)
    assert [mail.subject for mail in (alice, bob)] == ["What happened in your account"] * 2
    text = alice.body.get_secret_value()
    assert text.count("- 2026-11-24 at 12:00 UTC: A key was added to your account") == 3
    assert text.count("New sign-in to your account") == 1
    assert "Your password was changed" in bob.body.get_secret_value()
    time.advance(days=1)
    deliver(core)
    assert len(capped.sent) == 11
    with core.db.read() as connection:
        assert set(connection.execute(select(mail_outbox.c.body_sealed)).scalars()) == {None}


def test_a_digest_that_was_delayed_is_sent_whole(core: Core, capped: MemoryTransport, time: StoppedClock) -> None:
    for _ in range(8):
        put(core)
    deliver(core)
    put(core, messages.password_changed(time()))
    deliver(core)
    time.moment = datetime(2026, 11, 25, tzinfo=UTC)
    capped.fail_with = [MailDelayed(answer="421 busy")]
    deliver(core)
    time.advance(minutes=1)
    deliver(core)
    assert "Your password was changed" in capped.sent[-1].body.get_secret_value()


def test_without_a_cap_notices_go_out_at_once(core: Core, post: MemoryTransport, time: StoppedClock) -> None:
    for number in range(30):
        put(core, messages.key_added(time(), f"Key {number}"))
    deliver(core)
    assert len(post.sent) == 30


# --- what administrators see, and tidying up ------------------------------------------------------


def test_an_administrator_sees_how_the_mail_goes_and_charlie_does_not(
    core: Core, post: MemoryTransport, time: StoppedClock, charlie: User
) -> None:
    deliver(core)
    admin = core.accounts.create_user("admin@example.com", "Ada", PASSWORD, "admin")
    sent_before = len(post.sent)
    post.fail_with = [MailRefused(answer="550 no"), MailDelayed(answer="451 later"), MailUnsure(answer="silence")]
    for _ in range(4):
        put(core)
        deliver(core)
    status = core.mail.status(admin)
    assert (status.transport, status.queued, status.failed, status.unknown) == ("Memory", 1, 1, 1)
    assert status.sent_today == sent_before + 1
    assert status.daily_cap is None
    assert status.last_error is not None
    with pytest.raises(Forbidden):
        core.mail.status(charlie)


def test_finished_mails_are_forgotten_after_thirty_days(
    core: Core, post: MemoryTransport, time: StoppedClock
) -> None:
    put(core)
    deliver(core)
    waiting = put(core)
    with core.db.transaction() as connection:
        core.mail.put(connection, "nobody@example.com", messages.reset("x"), is_decoy=True)
    time.advance(days=29)
    core.outbox.forget_old()
    with core.db.read() as connection:
        assert len(connection.execute(select(mail_outbox)).all()) == 3
    time.advance(days=2)
    core.outbox.forget_old()
    with core.db.read() as connection:
        assert connection.execute(select(mail_outbox.c.id)).scalars().all() == [waiting]


def test_sendgrid_has_a_cap_of_a_hundred_a_day_unless_another_is_set(settings: Settings) -> None:
    plain = settings.model_copy(update={"smtp_url": SecretStr(""), "sendgrid_api_key": SecretStr("SG.x")})
    for changes, cap in (({}, 100), ({"mail_daily_cap": 7}, 7)):
        core = build_core(plain.model_copy(update=changes))
        assert core.mail.daily_cap == cap
        core.close()
