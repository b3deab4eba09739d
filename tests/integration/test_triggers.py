"""Other programs start workflows: signed, fresh, each message once, and not on and on when runs fail."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Forbidden, Invalid, NotFound, QuotaExceeded, RateLimitedHere, StepUpRequired
from core.firings.models import Firing
from core.runs.queue import RunQueue
from core.sharing.models import Grantee
from core.triggers import service
from core.triggers.failures import MessageTooOld, SignatureRefused, TriggerAsleep
from core.triggers.models import NewTrigger, TriggerDraft
from core.webhooks import signing
from tests.conftest import Cast
from tests.support.mailbox import MemoryTransport
from tests.support.starts import end, published, run_of
from tests.support.stopped_clock import StoppedClock

DRAFT = TriggerDraft("Shop")


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is executed here."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def workflow_id(core: Core, alice: User) -> str:
    return published(core, alice)


@pytest.fixture
def made(core: Core, alice: User, workflow_id: str) -> NewTrigger:
    return core.triggers.create(alice, workflow_id, DRAFT)


def call(core: Core, made: NewTrigger, body: Any, message_id: str = "msg_1", **changed: str) -> Firing:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = signing.headers(message_id, int(clock.now().timestamp()), sent, [made.secret])
    return core.triggers.receive(made.trigger.id, signed | changed, sent)


def test_a_signed_message_starts_the_workflow(core: Core, alice: User, made: NewTrigger) -> None:
    firing = call(core, made, {"amount": "5,000", "note": "hello", "unknown": 1})
    assert firing.error_message is None
    (run,) = run_of(core, alice, made.trigger.workflow_id)
    assert (firing.status, firing.run_id) == ("running", run.id)
    assert run.inputs == {"amount": 5000, "note": "hello"}
    end(core, run)
    (known,) = core.triggers.history(alice, made.trigger.id)
    assert known.status == "succeeded"


def test_the_same_message_starts_one_run_however_often_it_comes(core: Core, alice: User, made: NewTrigger) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: call(core, made, {"amount": 1}), range(4)))
    (run,) = run_of(core, alice, made.trigger.workflow_id)
    assert call(core, made, {"amount": 2}).run_id == run.id
    assert call(core, made, {"amount": 2}, "msg_2").run_id != run.id


def test_parts_of_the_body_become_inputs_as_alice_says(core: Core, alice: User, workflow_id: str) -> None:
    draft = TriggerDraft("Shop", {"amount": "data.lines.1.total", "note": "data.who"})
    made = core.triggers.create(alice, workflow_id, draft)
    call(core, made, {"data": {"lines": [{}, {"total": 7}], "who": "Bob"}, "amount": 1})
    (run,) = run_of(core, alice, workflow_id)
    assert run.inputs == {"amount": 7, "note": "Bob"}


def test_a_message_without_a_needed_input_fails_with_its_reason(core: Core, alice: User, made: NewTrigger) -> None:
    firing = call(core, made, {"note": "no amount"})
    assert (firing.status, firing.error_code, firing.run_id) == ("failed", "invalid", None)
    assert "amount" in (firing.error_message or "")
    assert core.triggers.get(alice, made.trigger.id).failures_in_row == 1


def test_a_stranger_or_an_old_message_starts_nothing(core: Core, alice: User, made: NewTrigger) -> None:
    with pytest.raises(SignatureRefused):
        call(core, replace(made, secret=signing.new_secret()), {"amount": 1})
    with pytest.raises(SignatureRefused):
        core.triggers.receive(made.trigger.id, {}, b"{}")
    old = signing.headers("msg_1", int((clock.now() - timedelta(minutes=6)).timestamp()), b"{}", [made.secret])
    with pytest.raises(MessageTooOld):
        core.triggers.receive(made.trigger.id, old, b"{}")
    with pytest.raises(NotFound):
        core.triggers.receive("hook_0", old, b"{}")
    assert run_of(core, alice, made.trigger.workflow_id) == []
    assert core.triggers.history(alice, made.trigger.id) == []


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"nonsense", b"\xff", b"[" * 100_000, b'{"a": "' + b"x" * 256_000 + b'"}'], ids=range(6)
)
def test_a_body_that_is_no_object_is_refused(core: Core, made: NewTrigger, body: bytes) -> None:
    with pytest.raises(Invalid):
        call(core, made, body)


def test_a_trigger_is_paused_and_goes_on(core: Core, alice: User, made: NewTrigger) -> None:
    core.triggers.pause(alice, made.trigger.id)
    with pytest.raises(TriggerAsleep):
        call(core, made, {"amount": 1})
    core.triggers.go_on(alice, made.trigger.id)
    assert call(core, made, {"amount": 1}).run_id


def test_a_trigger_stops_after_too_many_failures(core: Core, alice: User, workflow_id: str) -> None:
    made = core.triggers.create(alice, workflow_id, TriggerDraft("Shop", stop_after_failures=2))
    for number in range(2):
        call(core, made, {"amount": number}, f"msg_{number}")
        end(core, run_of(core, alice, workflow_id)[-1], QuotaExceeded())
    assert core.triggers.get(alice, made.trigger.id).stopped_at
    with pytest.raises(TriggerAsleep):
        call(core, made, {"amount": 3}, "msg_3")


def test_failures_that_come_at_once_all_count_and_the_stop_is_told_once(
    core: Core, alice: User, workflow_id: str, post: MemoryTransport
) -> None:
    made = core.triggers.create(alice, workflow_id, TriggerDraft("Shop", stop_after_failures=2))
    for number in range(3):
        call(core, made, {"amount": number}, f"msg_{number}")
    runs = run_of(core, alice, workflow_id)
    other = threading.Thread(target=end, args=(core, runs[0], QuotaExceeded()))
    with core.db.transaction() as connection:
        source = core.triggers.source(connection, made.trigger.id, is_locked=True)
        assert source is not None
        core.triggers.note_result(connection, source, 1, has_stopped=False)
        other.start()
        time.sleep(0.3)  # the other one has come to the row by now
    other.join()
    stopped = core.triggers.get(alice, made.trigger.id)
    assert (stopped.failures_in_row, bool(stopped.stopped_at)) == (2, True)
    for run in runs[1:]:
        end(core, run, QuotaExceeded())
    while core.outbox.deliver_next():
        pass
    assert [mail.subject for mail in post.sent].count("A trigger has stopped") == 1
    assert core.triggers.get(alice, made.trigger.id).stopped_at == stopped.stopped_at


def test_a_rotated_secret_takes_the_place_of_the_one_before(core: Core, alice: User, made: NewTrigger) -> None:
    fresh = core.triggers.rotate_secret(alice, made.trigger.id)
    with pytest.raises(SignatureRefused):
        call(core, made, {"amount": 1})
    assert call(core, fresh, {"amount": 1}).run_id


def test_too_many_messages_are_put_off(core: Core, made: NewTrigger, monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch)
    monkeypatch.setattr(service, "BURST", 1)
    call(core, made, {"amount": 1})
    with pytest.raises(RateLimitedHere):
        call(core, made, {"amount": 1})


def test_a_secret_is_made_by_who_has_just_proved_who_they_are(core: Core, alice: User, workflow_id: str) -> None:
    long_ago = replace(alice, proved_at=clock.now() - timedelta(hours=1))
    with pytest.raises(StepUpRequired):
        core.triggers.create(long_ago, workflow_id, DRAFT)


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (TriggerDraft(""), "name"),
        (TriggerDraft("x", {"other": "a"}), "mapping"),
        (TriggerDraft("x", {"amount": "a" * 201}), "mapping"),
        (TriggerDraft("x", stop_after_failures=101), "stop_after_failures"),
        (TriggerDraft("x", budget_micros=-1), "budget_micros"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(core: Core, alice: User, workflow_id: str, draft: TriggerDraft, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        core.triggers.create(alice, workflow_id, draft)
    assert caught.value.field == field


def test_charlie_finds_nothing_of_alices_triggers(core: Core, cast: Cast, made: NewTrigger) -> None:
    trigger_id = made.trigger.id
    asked: list[Callable[[], object]] = [
        lambda: core.triggers.get(cast.charlie, trigger_id),
        lambda: core.triggers.history(cast.charlie, trigger_id),
        lambda: core.triggers.create(cast.charlie, made.trigger.workflow_id, DRAFT),
        lambda: core.triggers.change(cast.charlie, trigger_id, DRAFT, 1),
        lambda: core.triggers.rotate_secret(cast.charlie, trigger_id),
        lambda: core.triggers.pause(cast.charlie, trigger_id),
        lambda: core.triggers.go_on(cast.charlie, trigger_id),
        lambda: core.triggers.delete(cast.charlie, trigger_id),
        lambda: core.triggers.list(cast.charlie, made.trigger.workflow_id),
    ]
    for ask in asked:
        with pytest.raises(NotFound):
            ask()
    assert core.triggers.list(cast.charlie) == []


def test_who_edits_the_workflow_may_pause_a_trigger_but_not_take_its_secret(
    core: Core, cast: Cast, made: NewTrigger
) -> None:
    core.sharing.grant(cast.alice, "workflow", made.trigger.workflow_id, Grantee("person", cast.bob.id), "edit")
    assert [t.id for t in core.triggers.list(cast.bob, made.trigger.workflow_id)] == [made.trigger.id]
    core.triggers.pause(cast.bob, made.trigger.id)
    with pytest.raises(Forbidden):
        core.triggers.rotate_secret(cast.bob, made.trigger.id)


def test_a_deleted_trigger_answers_like_one_that_never_was(core: Core, alice: User, made: NewTrigger) -> None:
    core.triggers.delete(alice, made.trigger.id)
    with pytest.raises(NotFound):
        call(core, made, {"amount": 1})


def test_a_trigger_whose_master_key_was_lost_takes_nothing_until_its_secret_is_new(
    core: Core, alice: User, made: NewTrigger
) -> None:
    with core.db.transaction() as connection:
        assert core.triggers.forget_unreadable(connection, [1]) == {"triggers": 1}
    assert not core.triggers.get(alice, made.trigger.id).has_secret
    with pytest.raises(SignatureRefused):
        call(core, made, {"amount": 1})
    assert call(core, core.triggers.rotate_secret(alice, made.trigger.id), {"amount": 1}).run_id
