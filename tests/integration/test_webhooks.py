"""Webhooks hear of what their owner may know, in the transaction of what happened, signed, and at least once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event as Signal

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import webhook_deliveries, webhooks
from core.errors import AddressBlocked, BadKey, Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from core.keys.models import Key, KeyDraft, KeyTest
from core.runs.models import Run
from core.runs.queue import RunQueue
from core.webhooks.deliveries import courier
from core.webhooks.deliveries.courier import PATIENCE, RETRY_AFTER
from core.webhooks.deliveries.service import put
from core.webhooks.models import EVENTS, KEPT, Delivery, NewWebhook, WebhookChange, WebhookDraft
from tests.conftest import PASSWORD, Cast
from tests.fakes.model_server import FakeModelServer
from tests.integration.test_key_health import BOUND, PRICE, add_agent, book, origin_of
from tests.support.mailbox import MemoryTransport, with_mail
from tests.support.receiver import Answer, Receiver, is_signed, receiver
from tests.support.stopped_clock import StoppedClock

OUTPUT = "The answer that nobody else may read."


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def far() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def settings(settings: Settings, far: Receiver, fake: FakeModelServer) -> Settings:
    allowed = f"127.0.0.1:{far.port},127.0.0.1:{fake.port}"
    given = {**settings.model_dump(by_alias=True), "ZOARK_ENDPOINT_ALLOWLIST": allowed}
    return with_mail(Settings.model_validate(given))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def key(core: Core, alice: User) -> Key:
    return core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))


@pytest.fixture
def hook(core: Core, alice: User, far: Receiver) -> NewWebhook:
    return add(core, alice, far)


def add(core: Core, owner: User, far: Receiver, *, is_organisation: bool = False, name: str = "Hook") -> NewWebhook:
    return core.webhooks.add(proven(owner), WebhookDraft(name, far.url, EVENTS, is_organisation))


def proven(user: User) -> User:
    return user.proven(clock.now())


def run_of(core: Core, owner: User, key: Key) -> Run:
    return core.runs.start_agent_run(owner, add_agent(core, owner, key).id, "x")


def deliver(core: Core) -> None:
    while core.webhook_courier.deliver_next():
        pass


def carry(core: Core) -> None:
    """Send the mails."""
    while core.outbox.deliver_next():
        pass


def log(core: Core, owner: User, made: NewWebhook) -> list[Delivery]:
    return list(core.webhook_deliveries.list(owner, made.webhook.id).items)


def test_alice_hears_of_her_run_and_the_signature_holds(
    core: Core, cast: Cast, root: User, key: Key, far: Receiver, hook: NewWebhook
) -> None:
    for other in (cast.bob, cast.charlie):
        add(core, other, far)
    whole = add(core, root, far, is_organisation=True)
    run = run_of(core, cast.alice, key)
    origin = replace(origin_of(core, cast.alice, key), run_id=run.id)
    book(core, origin, "answered", tokens=7)
    core.journal.begin(run.id)
    core.journal.succeed(run.id, OUTPUT)
    assert not core.journal.succeed(run.id, OUTPUT)
    deliver(core)
    first, second = far.received
    ended = core.runs.get(cast.alice, run.id)
    assert ended.ended_at is not None
    assert first.json == {
        "type": "run.succeeded",
        "timestamp": first.json["timestamp"],
        "data": {
            "id": run.id,
            "status": "succeeded",
            "agent_id": run.agent_id,
            "workflow_id": None,
            "workflow_version": None,
            "parent_run_id": None,
            "owner_id": cast.alice.id,
            "error": None,
            "cost_micros": 7,
            "input_tokens": 7,
            "output_tokens": 0,
            "created_at": run.created_at.isoformat().replace("+00:00", "Z"),
            "ended_at": ended.ended_at.isoformat().replace("+00:00", "Z"),
        },
    }
    assert first.headers["content-type"] == "application/json"
    secrets = [made.secret.get_secret_value() for made in (hook, whole)]
    now = clock.now().timestamp()
    held = [[is_signed(one, secret, now) for secret in secrets] for one in (first, second)]
    assert sorted(held) == [[False, True], [True, False]]
    assert first.id != second.id
    (delivery,) = log(core, cast.alice, hook)
    assert (delivery.status, delivery.attempts, delivery.response_status, delivery.error_code) == (
        "delivered",
        1,
        204,
        None,
    )
    assert not [one for one in far.received if OUTPUT.encode() in one.body]


def test_a_failed_and_a_cancelled_run_are_told_with_their_code(
    core: Core, alice: User, key: Key, far: Receiver, hook: NewWebhook
) -> None:
    failed, waiting = run_of(core, alice, key), run_of(core, alice, key)
    core.journal.begin(failed.id)
    core.journal.fail(failed.id, BadKey())
    core.runs.cancel(alice, waiting.id)
    deliver(core)
    told = [(one.type, one.json["data"]["id"], one.json["data"]["error"]) for one in far.received]
    assert told == [("run.failed", failed.id, {"code": "bad_key"}), ("run.cancelled", waiting.id, None)]


def test_what_did_not_happen_is_not_told_and_what_was_not_chosen_neither(
    core: Core, alice: User, key: Key, far: Receiver, hook: NewWebhook
) -> None:
    def fail() -> None:
        with core.db.transaction() as connection:
            put(connection, [hook.webhook.id], "run.failed", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    core.webhooks.change(alice, hook.webhook.id, WebhookChange(events=("run.failed",)))
    run = run_of(core, alice, key)
    core.journal.begin(run.id)
    core.journal.succeed(run.id, "x")
    assert core.webhook_courier.next_due_at() is None


def test_a_budget_is_told_to_those_who_see_it(
    core: Core, cast: Cast, root: User, key: Key, far: Receiver, hook: NewWebhook
) -> None:
    others = {name: add(core, person, far) for name, person in (("charlie", cast.charlie), ("root", root))}
    budget = core.budgets.add(proven(cast.alice), "key", key.id, "month", 200).budget
    origin = origin_of(core, cast.alice, key)
    for tokens in (110, 90):
        call_id = core.usage.open_call(origin, replace(BOUND, input=tokens, output=0), PRICE)
        core.usage.settle(call_id, origin, replace(BOUND, input=tokens, output=0), 1)
    told = [d for d in log(core, cast.alice, hook) if d.event.startswith("budget")]
    assert [d.event for d in told] == ["budget.reached", "budget.warning"]
    assert log(core, cast.charlie, others["charlie"]) == []
    assert [d.event for d in log(core, root, others["root"])] == [d.event for d in told]
    deliver(core)
    (data,) = [one.json["data"] for one in far.received if one.id == told[0].id]
    assert (data["id"], data["scope"], data["percent"], data["spent_micros"]) == (budget.id, "key", 100, 200)


def test_a_key_that_stops_working_is_told_once_until_it_has_worked(
    core: Core, cast: Cast, root: User, key: Key, time: StoppedClock, monkeypatch: pytest.MonkeyPatch, far: Receiver
) -> None:
    alice = proven(cast.alice)
    hook = add(core, alice, far)
    others = [add(core, cast.charlie, far), add(core, root, far, is_organisation=True)]
    origin = origin_of(core, alice, key)

    def told() -> int:
        time.advance(seconds=1)
        return len(log(core, alice, hook))

    def checked(code: str) -> None:
        monkeypatch.setattr(core.keys._checks, "test", lambda *_: KeyTest(code == "ok", code, ""))
        core.keys.test(alice, key.id)

    steps: list[tuple[Callable[[], None], int]] = [
        (lambda: book(core, origin, "answered"), 0),
        (lambda: book(core, origin, "timeout"), 0),  # says nothing about the key
        (lambda: book(core, origin, "bad_key"), 1),
        (lambda: book(core, origin, "quota"), 1),
        (lambda: checked("bad_key"), 1),
        (lambda: book(core, origin, "answered"), 1),
        (lambda: checked("bad_key"), 2),
        (lambda: checked("ok"), 2),
        (lambda: book(core, origin, "quota"), 3),
        (lambda: core.keys.replace_secret(proven(alice), key.id, "zk-Another-123456"), 3),  # type: ignore[arg-type]
        (lambda: checked("bad_key"), 4),
    ]
    for number, (step, wanted) in enumerate(steps):
        step()
        assert told() == wanted, number
    assert log(core, alice, hook)[0].body.endswith(
        f'"data":{{"id":"{key.id}","provider":"openai","error":{{"code":"bad_key"}}}}}}'
    )
    with core.db.read() as connection:
        heard = set(connection.execute(select(webhook_deliveries.c.webhook_id)).scalars())
    assert heard.isdisjoint(other.webhook.id for other in others)


def test_a_delivery_is_tried_for_a_day_and_a_half_and_sent_again_by_hand(
    core: Core, alice: User, far: Receiver, post: MemoryTransport, time: StoppedClock
) -> None:
    hook = add(core, alice, far)
    carry(core)
    far.usual = Answer(500, body=b"<html>no</html>")
    sent = core.webhook_deliveries.test(alice, hook.webhook.id)
    assert core.work_is_waiting()
    for number, pause in enumerate(RETRY_AFTER, start=1):
        deliver(core)
        now = core.webhook_deliveries.get(alice, hook.webhook.id, sent.id)
        assert (now.status, now.attempts, now.due_at) == ("queued", number, time() + pause)
        assert (now.response_status, now.response_beginning, now.error_code) == (500, "<html>no</html>", "refused")
        assert not core.work_is_waiting()
        time.moment += pause
        assert core.work_is_waiting()
    deliver(core)
    failed = core.webhook_deliveries.get(alice, hook.webhook.id, sent.id)
    assert (failed.status, failed.attempts, failed.due_at) == ("failed", 7, None)
    assert core.webhook_courier.next_due_at() is None
    assert core.webhooks.get(alice, hook.webhook.id).failing_since is not None

    far.usual = Answer(200)
    assert core.webhook_deliveries.replay_failed(alice, hook.webhook.id, time()) == 0
    assert core.webhook_deliveries.replay_failed(alice, hook.webhook.id) == 1
    deliver(core)
    core.webhook_deliveries.replay(alice, hook.webhook.id, sent.id)
    deliver(core)
    assert {one.id for one in far.received} == {sent.id}
    assert len(far.received) == 9
    assert len({one.headers["webhook-timestamp"] for one in far.received}) == 7, "one an attempt, while time passes"
    assert core.webhooks.get(alice, hook.webhook.id).failing_since is None


def test_a_receiver_that_wants_nothing_any_more_gets_nothing(
    core: Core, cast: Cast, far: Receiver, hook: NewWebhook, post: MemoryTransport, time: StoppedClock
) -> None:
    far.usual = Answer(410)
    first = core.webhook_deliveries.test(cast.alice, hook.webhook.id)
    time.advance(seconds=1)  # the log is told in the order of time
    second = core.webhook_deliveries.test(cast.alice, hook.webhook.id)
    deliver(core)
    assert [one.id for one in far.received] == [first.id]
    off = core.webhooks.get(cast.alice, hook.webhook.id)
    assert (off.is_active, off.disabled_reason) == (False, "gone")
    assert [(d.id, d.error_code) for d in log(core, cast.alice, hook)] == [
        (second.id, "webhook_off"),
        (first.id, "gone"),
    ]
    carry(core)
    (mail,) = [mail for mail in post.sent if "webhook" in mail.subject]
    assert (mail.recipient, mail.subject) == ("alice@example.com", "A webhook was turned off")
    assert f"https://zoark.example.com/webhook?id={hook.webhook.id}" in mail.body.get_secret_value()
    with pytest.raises(Conflict):
        core.webhook_deliveries.replay(cast.alice, hook.webhook.id, second.id)
    far.usual = Answer(200)
    core.webhooks.change(cast.alice, hook.webhook.id, WebhookChange(is_active=True))
    assert core.webhook_deliveries.replay_failed(cast.alice, hook.webhook.id) == 2
    deliver(core)
    assert [one.id for one in far.received[1:]] == [first.id, second.id]


def test_three_days_of_failure_turn_a_webhook_off_and_administrators_hear_of_the_organisations(
    core: Core, root: User, far: Receiver, post: MemoryTransport, time: StoppedClock
) -> None:
    other = core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    hook = add(core, root, far, is_organisation=True)
    far.usual = Answer(503)
    end = time() + PATIENCE
    while core.webhooks.get(root, hook.webhook.id).is_active:
        assert time() < end + sum(RETRY_AFTER, timedelta())
        if core.webhook_courier.next_due_at() is None:
            core.webhook_deliveries.test(root, hook.webhook.id)
        deliver(core)
        time.moment = core.webhook_courier.next_due_at() or time()
    assert time() >= end
    assert core.webhooks.get(other, hook.webhook.id).disabled_reason == "failing"
    carry(core)
    assert {m.recipient for m in post.sent if "webhook" in m.subject} == {"root@example.com", "second@example.com"}
    told = core.audit.search(root, root.created_at, time() + timedelta(seconds=1))
    assert told[0].action == "webhook.turned_off"


def test_no_redirect_is_followed_and_long_answers_are_cut(
    core: Core, alice: User, far: Receiver, hook: NewWebhook, time: StoppedClock
) -> None:
    secret = hook.secret.get_secret_value()
    far.answers = [
        Answer(307, {"location": f"http://127.0.0.1:{far.port}/elsewhere"}),
        Answer(200, body=b"%s " % secret.encode() + b"x" * 1_000_000),
        Answer(200, {"content-encoding": "gzip"}, b"\x1f\x8b"),
    ]
    for _ in range(3):
        core.webhook_deliveries.test(alice, hook.webhook.id)
        time.advance(seconds=1)  # the log is told in the order of time
    deliver(core)
    assert {one.path for one in far.received} == {"/hook"}
    strange, long, moved = log(core, alice, hook)
    assert (moved.status, moved.response_status, moved.error_code) == ("queued", 307, "redirect")
    assert (long.status, long.response_beginning[:10]) == ("delivered", "[secret] x")
    assert len(long.response_beginning) == 500
    assert (strange.status, strange.error_code) == ("queued", "bad_response")


def test_a_receiver_that_does_not_answer_holds_up_its_own_deliveries_only(
    core: Core, cast: Cast, far: Receiver, hook: NewWebhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "TOTAL_SECONDS", 5)
    held, other = Signal(), add(core, cast.bob, far)
    far.answers = [Answer(200, hold=held)]
    slow = core.webhook_deliveries.test(cast.alice, hook.webhook.id)
    next_one = core.webhook_deliveries.test(cast.alice, hook.webhook.id)
    quick = core.webhook_deliveries.test(cast.bob, other.webhook.id)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(core.webhook_courier.deliver_next)
        while not far.received:
            held.wait(0.01)
        assert core.webhook_courier.deliver_next()
        assert core.webhook_courier.claim() is None, "nothing else goes to the slow one meanwhile"
        assert waiting.result()
    held.set()
    assert [one.id for one in far.received] == [slow.id, quick.id]
    assert {d.id: (d.status, d.error_code) for d in log(core, cast.alice, hook)} == {
        slow.id: ("queued", "timeout"),
        next_one.id: ("queued", None),
    }


@pytest.mark.parametrize("count", [8])
def test_each_delivery_is_claimed_by_one_worker(core: Core, alice: User, far: Receiver, count: int) -> None:
    hooks = [add(core, alice, far, name=f"Hook {n}") for n in range(count)]
    sent = [core.webhook_deliveries.test(alice, hook.webhook.id).id for hook in hooks]
    other = build_core(core.settings)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, [core, other, core, other]))
    other.close()
    assert sorted(one.id for one in far.received) == sorted(sent)


def test_a_claim_whose_worker_died_is_sent_again_under_its_id(
    core: Core, alice: User, far: Receiver, time: StoppedClock
) -> None:
    hook = add(core, alice, far)
    sent = core.webhook_deliveries.test(alice, hook.webhook.id)
    dead = core.webhook_courier.claim()
    assert dead is not None
    with pytest.raises(Conflict):
        core.webhook_deliveries.replay(alice, hook.webhook.id, sent.id)
    deliver(core)
    assert far.received == []
    time.advance(seconds=61)
    assert core.work_is_waiting()
    deliver(core)
    core.webhook_courier._settle(dead, courier.Attempt(500, "", 1, "refused"))  # it was only slow
    (now,) = log(core, alice, hook)
    assert (now.id, now.status, now.attempts) == (sent.id, "delivered", 2)
    assert [one.id for one in far.received] == [sent.id]


def test_both_secrets_sign_for_a_day(core: Core, cast: Cast, far: Receiver, time: StoppedClock) -> None:
    alice = proven(cast.alice)
    hook = add(core, alice, far)
    fresh = core.webhooks.rotate_secret(alice, hook.webhook.id)
    old, new = (one.secret.get_secret_value() for one in (hook, fresh))
    assert old != new
    held = []
    for hours in (0, 23, 2):
        time.advance(hours=hours)
        core.webhook_deliveries.test(alice, hook.webhook.id)
        deliver(core)
        now = time().timestamp()
        held.append(tuple(is_signed(far.received[-1], secret, now) for secret in (old, new)))
    assert held == [(True, True), (True, True), (False, True)]
    assert len(far.received[0].headers["webhook-signature"].split()) == 2
    assert core.webhook_courier.forget_old(100) == 1


def test_whoever_lost_the_right_hears_nothing_more(
    core: Core, cast: Cast, root: User, key: Key, far: Receiver, hook: NewWebhook
) -> None:
    other = core.accounts.create_user("second@example.com", "Second", PASSWORD, "admin")
    whole = add(core, root, far, is_organisation=True)
    core.webhook_deliveries.test(cast.alice, hook.webhook.id)
    core.webhook_deliveries.test(root, whole.webhook.id)
    core.people.suspend(other, cast.alice.id)
    core.people.set_role(other, root.id, "member")
    deliver(core)
    run = run_of(core, cast.bob, core.keys.add(cast.bob, KeyDraft("Bob's", "openai", "zk-Secret-0123456789")))
    core.runs.cancel(cast.bob, run.id)
    assert core.webhook_courier.next_due_at() is None
    assert far.received == []
    with core.db.read() as connection:
        assert set(connection.execute(select(webhook_deliveries.c.error_code)).scalars()) == {"owner_inactive"}
    with pytest.raises(NotFound):
        core.webhooks.get(replace(root, role="member"), whole.webhook.id)
    # Another administrator sees it and vouches for it.
    vouched = core.webhooks.change(other, whole.webhook.id, WebhookChange(name="Ours"))
    assert (vouched.owner_id, vouched.name) == (other.id, "Ours")
    core.runs.cancel(cast.bob, run_of(core, cast.bob, core.keys.list(cast.bob)[0]).id)
    deliver(core)
    assert far.types == ["run.cancelled"]


FORBIDDEN = (
    "http://example.com/hook",
    "ftp://example.com/hook",
    "https://127.0.0.1/hook",
    "https://[::1]/hook",
    "https://[::ffff:127.0.0.1]/hook",
    "https://169.254.169.254/latest",
    "https://10.0.0.1/hook",
    "https://user:pass@example.com/hook",
    "https://example.com:22/hook",
    "https:///hook",
    "//example.com",
)
# These look like names, and are refused when they are called.
DISGUISED = ("https://localhost/hook", "https://2130706433/hook", "https://0x7f000001/hook", "https://127.1/hook")


def test_no_address_of_our_own_network_is_called(core: Core, alice: User) -> None:
    for url in FORBIDDEN:
        with pytest.raises(AddressBlocked):
            core.webhooks.add(alice, WebhookDraft("Hook", url, ("run.failed",)))
    assert core.webhooks.list(alice) == []
    hooks = [core.webhooks.add(alice, WebhookDraft("Hook", url, ("run.failed",))) for url in DISGUISED]
    for hook in hooks:
        core.webhook_deliveries.test(alice, hook.webhook.id)
    deliver(core)
    assert {log(core, alice, hook)[0].error_code for hook in hooks} <= {"address_blocked", "unreachable"}


def test_an_address_is_checked_again_when_it_is_called(core: Core, alice: User, hook: NewWebhook) -> None:
    given = {**core.settings.model_dump(by_alias=True), "ZOARK_ENDPOINT_ALLOWLIST": ""}
    stricter = build_core(Settings.model_validate(given))
    stricter.webhook_deliveries.test(alice, hook.webhook.id)
    deliver(stricter)
    assert log(stricter, alice, hook)[0].error_code == "address_blocked"
    stricter.close()


def test_what_is_entered_is_checked_and_sensitive_things_ask_again(
    core: Core, cast: Cast, far: Receiver, hook: NewWebhook
) -> None:
    alice, tired = cast.alice, replace(cast.alice, proved_at=None)
    draft = WebhookDraft("Hook", far.url, ("run.failed",))
    for wrong in (
        replace(draft, name=" "),
        replace(draft, url="https://example.com/" + "x" * 1000),
        replace(draft, url="https://exämple.com"),
        replace(draft, events=()),
        replace(draft, events=("run.started",)),
    ):
        with pytest.raises(Invalid):
            core.webhooks.add(alice, wrong)
    with pytest.raises(Forbidden):
        core.webhooks.add(alice, replace(draft, is_organisation=True))
    for asks in (
        lambda: core.webhooks.add(tired, draft),
        lambda: core.webhooks.change(tired, hook.webhook.id, WebhookChange(url="https://example.com/")),
        lambda: core.webhooks.rotate_secret(tired, hook.webhook.id),
    ):
        with pytest.raises(StepUpRequired):
            asks()
    changed = core.webhooks.change(
        tired, hook.webhook.id, WebhookChange("Other", far.url, ("key.failing", "run.failed"), False)
    )
    assert (changed.name, changed.events, changed.is_active) == ("Other", ("run.failed", "key.failing"), False)
    for _ in range(19):
        core.webhooks.add(alice, draft)
    with pytest.raises(Conflict):
        core.webhooks.add(alice, draft)


def test_the_log_comes_in_pages_and_is_forgotten_after_a_month(
    core: Core, cast: Cast, far: Receiver, time: StoppedClock
) -> None:
    alice = proven(cast.alice)
    hook = add(core, alice, far)
    sent = [core.webhook_deliveries.test(alice, hook.webhook.id).id for _ in range(5)]
    found: list[str] = []
    has_more = True
    while has_more:
        page = core.webhook_deliveries.list(alice, hook.webhook.id, (), found[-1] if found else None, 2)
        found += [delivery.id for delivery in page.items]
        has_more = page.has_more
    assert found == sorted(sent, reverse=True)
    deliver(core)
    core.webhook_deliveries.test(alice, hook.webhook.id)
    assert len(core.webhook_deliveries.list(alice, hook.webhook.id, ("delivered",)).items) == 5
    time.moment += KEPT
    assert core.webhook_courier.forget_old(100) == 0
    time.advance(seconds=1)
    assert core.webhook_courier.forget_old(3) == 3
    assert core.webhook_courier.forget_old(3) == 2
    assert [d.status for d in log(core, alice, hook)] == ["queued"], "what waits is never forgotten"
    core.webhooks.delete(alice, hook.webhook.id)
    with core.db.read() as connection:
        assert connection.execute(select(webhooks)).first() is None
        assert connection.execute(select(webhook_deliveries)).first() is None
