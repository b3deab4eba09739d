"""The supervisor learns from the tables alone whether a worker has something to do."""

from __future__ import annotations

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.keys.models import KeyDraft
from core.runs.models import Run
from tests.support.stopped_clock import StoppedClock


@pytest.fixture
def run(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(core.runs._queue, "enqueue", lambda *_: None)
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    return core.runs.start_agent_run(alice, core.agents.create(alice, fields).id, "x")


def test_nothing_is_due_in_an_empty_house(core: Core) -> None:
    assert core.runs.next_due_at() is None
    assert not core.work_is_waiting()


def test_a_run_is_due_until_it_has_ended(core: Core, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    assert core.runs.next_due_at() == time()
    core.journal.begin(run.id)
    assert core.runs.next_due_at() == time()
    assert core.work_is_waiting()
    core.journal.succeed(run.id, "done")
    assert core.runs.next_due_at() is None
    assert not core.work_is_waiting()


def test_a_cancelled_run_is_no_longer_due(core: Core, alice: User, run: Run) -> None:
    core.runs.cancel(alice, run.id)
    assert core.runs.next_due_at() is None


def test_a_run_asked_to_stop_is_due_until_it_has_stopped(core: Core, alice: User, run: Run) -> None:
    core.journal.begin(run.id)
    core.runs.cancel(alice, run.id)
    assert core.runs.next_due_at() is not None
    core.journal.cancelled(run.id)
    assert core.runs.next_due_at() is None


def test_a_request_for_the_built_in_model_is_work(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.local_model, "why_unavailable", lambda: None)
    core.local_model.request()
    assert core.runs.next_due_at() is None
    assert core.work_is_waiting()
    assert core.local_model.claim()
    assert not core.local_model.claim()
    assert core.work_is_waiting()
    core.local_model.report("ready", "It is ready.")
    assert not core.work_is_waiting()


def test_an_administrator_who_asks_for_the_built_in_model_is_in_the_log(
    core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.local_model, "why_unavailable", lambda: None)
    assert core.local_model.prepare(root).state == "requested"
    assert core.local_model.prepare(root).state == "requested"
    found = core.audit.search(root, root.created_at, clock.now(), action="local_model.requested")
    assert [entry.actor_id for entry in found] == [root.id]
