"""A disabled key opens for nobody, an end is announced, and who deletes a key knows what it breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import audit_log
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound, StepUpRequired
from core.keys.models import Key, KeyChange, KeyDraft
from core.keys.refusals import KeyDeleted, KeyDisabled, sentence_of
from core.runs.queue import RunQueue
from core.sharing.models import EVERYONE, Grantee
from core.worker.housekeeping import Housekeeping
from tests.conftest import Cast
from tests.support.mailbox import MemoryTransport, with_mail
from tests.support.stopped_clock import StoppedClock

SECRET = "zk-Secret-0123456789"
DISABLED = "This runs on a key of Alice that is disabled. Alice can enable it again, or choose another key."


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is executed here."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = stopped.moment.replace(hour=12)
    return stopped


@pytest.fixture
def key(core: Core, alice: User) -> Key:
    return core.keys.add(proven(alice), KeyDraft("Mine", "openai", SECRET))


@pytest.fixture
def agent(core: Core, alice: User, key: Key) -> Agent:
    return core.agents.create(alice, fields(key))


def fields(key: Key, name: str = "Clerk") -> dict[str, object]:
    return {"name": name, "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}


def proven(user: User) -> User:
    return replace(user, proved_at=clock.now())


def actions(core: Core) -> list[str]:
    with core.db.read() as connection:
        return list(connection.execute(select(audit_log.c.action).order_by(audit_log.c.seq)).scalars())


def test_a_disabled_key_opens_for_nobody_until_it_is_enabled(
    core: Core, cast: Cast, key: Key, agent: Agent
) -> None:
    core.sharing.grant(cast.alice, "agent", agent.id, EVERYONE, "run")
    core.sharing.grant(cast.alice, "key", key.id, Grantee("agent", agent.id), "run")
    ways: list[Callable[[], object]] = [
        lambda: core.keys.open(cast.alice, key.id),
        lambda: core.keys.open(cast.alice, key.id, agent.id),
        lambda: core.keys.open(cast.bob, key.id, agent.id),
        lambda: core.keys.models(cast.alice, key.id),
        lambda: core.keys.test(cast.alice, key.id),
        lambda: core.agents.create(cast.alice, fields(key)),
        lambda: core.runs.start_agent_run(cast.alice, agent.id, "x"),
        lambda: core.runs.start_agent_run(cast.bob, agent.id, "x"),
    ]
    disabled = core.key_care.disable(cast.alice, key.id)
    assert disabled.disabled_at is not None
    assert core.key_care.disable(cast.alice, key.id) == disabled
    for way in ways:
        with pytest.raises(KeyDisabled) as caught:
            way()
        assert (caught.value.code, caught.value.sentence) == ("key_disabled", DISABLED)
        assert not caught.value.retryable
    assert core.agents.key_problem(cast.bob, agent.id) == DISABLED
    assert core.keys.get(cast.alice, key.id).test_code is None  # a test that was refused says nothing
    assert core.agents.update(cast.alice, agent.id, fields(key, "Renamed"), 1).definition.name == "Renamed"
    assert core.key_care.enable(cast.alice, key.id).disabled_at is None
    assert core.keys.open(cast.bob, key.id, agent.id).key.id == key.id
    assert core.runs.start_agent_run(cast.bob, agent.id, "x").status == "queued"
    assert [action for action in actions(core) if "abled" in action] == ["key.disabled", "key.enabled"]


def test_disabling_asks_for_a_recent_proof_and_a_role_that_keeps_keys(core: Core, alice: User, key: Key) -> None:
    for switch in (core.key_care.disable, core.key_care.enable):
        with pytest.raises(StepUpRequired):
            switch(replace(alice, proved_at=None), key.id)
        with pytest.raises(Forbidden):
            switch(replace(alice, role="viewer"), key.id)


def test_what_is_changed_at_once_is_changed_together_or_not_at_all(core: Core, cast: Cast, key: Key) -> None:
    alice = proven(cast.alice)
    core.keys.add(alice, KeyDraft("Taken", "openai", SECRET))
    day = clock.now().date() + timedelta(days=40)
    wished = KeyChange(name="New", secret="zk-Another-0123456789", disabled=True, expires_on=day)
    assert "Another" not in f"{wished!r}"
    refused: list[tuple[User, KeyChange, type[CoreError]]] = [
        (alice, replace(wished, name="Taken"), Conflict),
        (alice, replace(wished, secret="two words"), Invalid),
        (alice, replace(wished, base_url="https://evil.example"), Invalid),
        (alice, replace(wished, expires_on=date(2001, 1, 1)), Invalid),
        (alice, replace(wished, pool=True), Forbidden),
        (replace(alice, proved_at=None), wished, StepUpRequired),
        (proven(cast.charlie), wished, NotFound),
    ]
    before, told = core.keys.get(cast.alice, key.id), actions(core)
    for actor, change, error in refused:
        with pytest.raises(error):
            core.keys.change(actor, key.id, change)
    assert (core.keys.get(cast.alice, key.id), actions(core)) == (before, told)
    after = core.keys.change(alice, key.id, wished)
    assert (after.name, after.hint, after.expires_on, after.secret_version) == ("New", "zk-…6789", day, 2)
    assert after.disabled_at is not None
    done = ["key.renamed", "key.secret_replaced", "key.disabled", "key.expiry_set"]
    assert sorted(actions(core)[len(told) :]) == sorted(done)
    assert core.keys.change(cast.alice, key.id, KeyChange(name="Newer")).expires_on == day
    core.sharing.grant(alice, "key", key.id, Grantee("person", cast.bob.id), "edit")
    with pytest.raises(Forbidden):
        core.keys.change(proven(cast.bob), key.id, KeyChange(name="Bob's", disabled=False))
    assert core.keys.get(cast.alice, key.id).name == "Newer"


def test_what_needs_a_deleted_key_says_what_to_do(core: Core, cast: Cast, key: Key, agent: Agent) -> None:
    core.sharing.grant(cast.alice, "agent", agent.id, EVERYONE, "run")
    core.keys.delete(cast.alice, key.id)
    sentence = "The key of this agent was deleted. Choose another key in the agent's settings."
    for actor in (cast.alice, cast.bob):
        with pytest.raises(KeyDeleted) as caught:
            core.runs.start_agent_run(actor, agent.id, "x")
        assert (caught.value.code, caught.value.sentence) == ("key_deleted", sentence)
        assert core.agents.key_problem(actor, agent.id) == sentence
    with pytest.raises(KeyDeleted):
        core.agents.update(cast.alice, agent.id, fields(key), 1)
    with pytest.raises(Invalid, match="Choose a key"):
        core.agents.update(cast.alice, agent.id, {**fields(key), "key_id": ""}, 1)


def test_what_breaks_names_agents_runs_and_people(core: Core, cast: Cast, key: Key, agent: Agent) -> None:
    alice, bob = cast.alice, cast.bob
    spare = core.keys.add(alice, KeyDraft("Spare", "openai", SECRET))
    assert not core.key_health.what_breaks(alice, spare.id).is_anything
    core.sharing.grant(alice, "key", key.id, Grantee("person", bob.id), "run")
    core.sharing.grant(alice, "key", key.id, Grantee("department", "hr"), "view")
    core.agents.create(bob, fields(key, "assistant"))
    gone = core.agents.create(bob, fields(key, "Gone"))
    core.agents.delete(bob, gone.id)
    elsewhere = core.agents.create(alice, {**fields(spare, "Elsewhere"), "goal": f"Not on {key.id}."})
    running = core.runs.start_agent_run(alice, agent.id, "x")
    core.runs.start_agent_run(alice, elsewhere.id, "x")
    ended = core.runs.start_agent_run(alice, agent.id, "x")
    core.runs.cancel(alice, ended.id)
    core.agents.update(alice, agent.id, fields(spare), 1)  # the run goes on with the key it was started on
    breaks = core.key_health.what_breaks(alice, key.id)
    assert breaks.is_anything
    assert [(one.name, one.owner_name, one.kind) for one in breaks.dependents] == [("assistant", "Bob", "agent")]
    assert [(one.id, one.owner_name, one.kind) for one in breaks.runs] == [(running.id, "Alice", "run")]
    assert [(share.name, share.level) for share in breaks.shares] == [("Bob", "run"), ("HR", "view")]


def test_a_day_of_expiry_is_one_from_today_on(core: Core, alice: User, key: Key, time: StoppedClock) -> None:
    today = time().date()
    for wrong in (today - timedelta(days=1), today + timedelta(days=21 * 365), date.max):
        with pytest.raises(Invalid) as caught:
            core.key_care.set_expiry(alice, key.id, wrong)
        assert caught.value.field == "expires_on"
    assert core.key_care.set_expiry(alice, key.id, today).expires_on == today
    assert core.key_care.set_expiry(alice, key.id, None).expires_on is None
    assert actions(core).count("key.expiry_set") == 2


def test_an_expired_key_still_works_and_its_state_says_so(
    core: Core, alice: User, key: Key, time: StoppedClock
) -> None:
    core.key_care.set_expiry(alice, key.id, time().date() + timedelta(days=15))
    states = []
    for _ in range(17):
        health = core.key_health.get(alice, key.id)
        states.append((health.days_left, health.state, len(core.key_health.alarms(alice))))
        time.advance(days=1)
    assert states == [
        (15, "untested", 0),
        *((left, "expiring", 1) for left in range(14, -1, -1)),
        (-1, "expired", 1),
    ]
    assert core.keys.open(alice, key.id).key.id == key.id
    core.key_care.disable(proven(alice), key.id)
    assert core.key_health.alarms(alice) == []
    core.key_care.enable(proven(alice), key.id)
    core.keys.replace_secret(proven(alice), key.id, "zk-Another-0123456789")
    assert core.key_health.get(alice, key.id).days_left is None  # the day was the old secret's


def reminded(core: Core, post: MemoryTransport) -> list[tuple[str, str]]:
    """Let a worker look, deliver, and return who was written to about what."""
    core.key_care.remind()
    while core.outbox.deliver_next():
        pass
    found = [(mail.recipient.partition("@")[0], mail.subject) for mail in post.sent]
    post.sent.clear()
    return [(who, subject) for who, subject in found if "expire" in subject]


def test_the_owner_is_reminded_14_and_3_days_before_and_on_the_day_once_each(
    core: Core, alice: User, key: Key, time: StoppedClock, post: MemoryTransport
) -> None:
    core.key_care.set_expiry(alice, key.id, time().date() + timedelta(days=16))
    log = {}
    for left in range(16, -3, -1):
        is_due = core.key_care.reminder_is_due()
        found = reminded(core, post)
        assert is_due == bool(found)
        assert reminded(core, post) == []
        log |= {left: found} if found else {}
        time.advance(days=1)
    assert log == {
        14: [("alice", "A key expires in 14 days")],
        3: [("alice", "A key expires in 3 days")],
        0: [("alice", "A key expires today")],
    }


def test_a_late_reminder_is_one_and_another_day_begins_anew(
    core: Core, alice: User, key: Key, time: StoppedClock, post: MemoryTransport
) -> None:
    core.key_care.set_expiry(alice, key.id, time().date() + timedelta(days=2))
    assert reminded(core, post) == [("alice", "A key expires in 2 days")]
    core.key_care.set_expiry(alice, key.id, time().date() + timedelta(days=10))
    assert reminded(core, post) == [("alice", "A key expires in 10 days")]
    time.advance(days=40)
    assert reminded(core, post) == [("alice", "A key has expired")]
    assert reminded(core, post) == []


def test_who_is_reminded(
    core: Core, cast: Cast, root: User, key: Key, time: StoppedClock, post: MemoryTransport
) -> None:
    today = time().date()
    his = core.keys.add(proven(cast.bob), KeyDraft("His", "openai", SECRET))
    core.sharing.grant(proven(cast.bob), "key", his.id, EVERYONE, "edit")
    for owner, found in ((cast.alice, key), (cast.bob, his)):
        core.key_care.set_expiry(owner, found.id, today)
    core.people.suspend(proven(root), cast.bob.id)
    core.key_care.disable(proven(cast.alice), key.id)
    assert not core.key_care.reminder_is_due()
    assert reminded(core, post) == []
    core.key_care.enable(proven(cast.alice), key.id)
    assert reminded(core, post) == [("alice", "A key expires today")]
    with core.db.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE keys SET is_pool = true WHERE id = '{his.id}'")
    assert reminded(core, post) == [("root", "A key expires today")]
    core.key_care.set_expiry(cast.alice, key.id, today + timedelta(days=1))
    core.keys.delete(proven(cast.alice), key.id)
    assert reminded(core, post) == []


def test_the_mail_names_the_key_and_leads_to_its_page(
    core: Core, alice: User, key: Key, time: StoppedClock, post: MemoryTransport
) -> None:
    core.key_care.set_expiry(alice, key.id, time().date() + timedelta(days=1))
    core.key_care.remind()
    while core.outbox.deliver_next():
        pass
    body = post.sent[-1].body.get_secret_value()
    assert f"The key “Mine” expires tomorrow, on {time().date() + timedelta(days=1)}." in body
    assert f"https://zoark.example.com/key?id={key.id}" in body
    assert "Secret" not in body


def test_two_workers_remind_once_and_a_sleeping_one_is_woken(
    core: Core, alice: User, key: Key, time: StoppedClock, post: MemoryTransport
) -> None:
    reminded(core, post)  # what adding the key wrote
    assert not core.work_is_waiting()
    core.key_care.set_expiry(alice, key.id, time().date())
    assert core.work_is_waiting()
    other = build_core(core.settings)
    try:
        end = threading.Event()
        end.set()
        for worker in (core, other):
            Housekeeping(worker).serve(end)
    finally:
        other.close()
    assert reminded(core, post) == [("alice", "A key expires today")]
    assert not core.work_is_waiting()


def test_without_mail_nobody_counts_as_reminded(core: Core, alice: User, key: Key, time: StoppedClock) -> None:
    core.key_care.set_expiry(alice, key.id, time().date())
    core.mail.transport = None
    assert not core.key_care.reminder_is_due()
    assert core.key_care.remind() == 0
    core.mail.transport = MemoryTransport()
    assert core.key_care.reminder_is_due()


def test_a_stored_code_has_a_sentence_without_its_facts() -> None:
    assert sentence_of("quota").startswith("The account behind this key has no credit left.")
    assert sentence_of("address_blocked") == "This address is not allowed."
    assert sentence_of("local_model_unavailable") == "The built-in model cannot run here."
    assert sentence_of("key_disabled") == "The code is key_disabled."
    assert sentence_of("never heard of it") == "The code is never heard of it."
