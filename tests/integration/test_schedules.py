"""Workflows run by the clock: each time once, missed times as somebody chose, and not on and on when they fail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound, QuotaExceeded
from core.runs.queue import RunQueue
from core.schedules.models import Schedule, ScheduleDraft
from core.sharing.models import Grantee
from core.workflows.failures import NotPublished
from tests.conftest import Cast
from tests.support.mailbox import MemoryTransport
from tests.support.starts import at_time, end, published, run_of

DAILY = ScheduleDraft("Every morning", "0 9 * * *", "UTC", {"amount": "1,000"})
MONDAY_EIGHT = "2026-03-02T08:00:00+00:00"
At = Callable[[str], AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is executed here."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def workflow_id(core: Core, alice: User) -> str:
    return published(core, alice)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    return lambda moment: at_time(monkeypatch, moment)


def look(core: Core) -> None:
    """Do what a worker does every second."""
    core.schedules.fire_due()
    core.firings.start_due()


def states(core: Core, owner: User, schedule: Schedule) -> list[str]:
    return [firing.status for firing in reversed(core.schedules.history(owner, schedule.id))]


def test_alice_sees_what_an_expression_means_before_she_keeps_it(core: Core, at: At) -> None:
    with at(MONDAY_EIGHT):
        seen = core.schedules.preview("0 9 * * 1-5", "Europe/Berlin")
    assert seen.words == "At 09:00, Monday through Friday"
    assert [f"{moment:%a %H:%M}" for moment in seen.next_times] == ["Tue 08:00", "Wed 08:00", "Thu 08:00"]


def test_a_schedule_runs_its_workflow_once_at_its_time(core: Core, alice: User, workflow_id: str, at: At) -> None:
    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, DAILY)
        assert not core.work_is_waiting()
        look(core)
    assert run_of(core, alice, workflow_id) == []
    with at("2026-03-02T09:00:01+00:00"):
        assert core.work_is_waiting()
        look(core)
        look(core)
        assert not core.firings.is_due()
    (run,) = run_of(core, alice, workflow_id)
    assert run.inputs == {"amount": 1000, "note": None}
    assert states(core, alice, schedule) == ["running"]
    end(core, run)
    found = core.schedules.get(alice, schedule.id)
    assert found.last is not None
    assert (found.last.status, found.last.run_id) == ("succeeded", run.id)
    assert f"{found.next_at:%m-%d %H:%M}" == "03-03 09:00"


@pytest.mark.parametrize(
    ("missed", "runs", "seen"), [("skip", 0, ["missed"]), ("once", 1, ["running"]), ("all", 3, ["running"] * 3)]
)
def test_what_was_missed_is_made_up_for_as_alice_chose(
    core: Core,
    alice: User,
    workflow_id: str,
    at: At,
    missed: str,
    runs: int,
    seen: list[str],
) -> None:
    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, replace(DAILY, missed=missed))  # type: ignore[arg-type]
    with at("2026-03-04T11:00:00+00:00"):
        look(core)
        assert len(run_of(core, alice, workflow_id)) == runs
        assert states(core, alice, schedule) == seen
        assert f"{core.schedules.get(alice, schedule.id).next_at:%m-%d %H:%M}" == "03-05 09:00"


def test_two_workers_and_a_crash_in_between_make_one_run(core: Core, alice: User, workflow_id: str, at: At) -> None:
    with at(MONDAY_EIGHT):
        core.schedules.create(alice, workflow_id, DAILY)
    with at("2026-03-02T09:00:01+00:00"):
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(lambda _: core.schedules.fire_due(), range(4))) == 1
        # The worker that noted it dies here; four others look at once.
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: core.firings.start_due(), range(4)))
    assert len(run_of(core, alice, workflow_id)) == 1


def test_a_database_that_is_away_for_a_moment_loses_no_run(
    core: Core, alice: User, workflow_id: str, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("away"))

    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, DAILY)
    with at("2026-03-02T09:00:01+00:00"):
        with monkeypatch.context() as patch:
            patch.setattr(core.runs, "start_workflow_run", away)
            core.schedules.fire_due()
            assert core.firings.start_due() == 0
        assert states(core, alice, schedule) == ["due"]
        assert core.firings.start_due() == 1
    assert len(run_of(core, alice, workflow_id)) == 1


def test_a_schedule_that_fails_too_often_stops_and_says_so_by_mail(
    core: Core, alice: User, workflow_id: str, at: At, post: MemoryTransport
) -> None:
    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, replace(DAILY, stop_after_failures=2))
    for day in (2, 3):
        with at(f"2026-03-0{day}T09:00:01+00:00"):
            look(core)
            end(core, run_of(core, alice, workflow_id)[-1], QuotaExceeded())
    found = core.schedules.get(alice, schedule.id)
    assert (found.failures_in_row, found.is_active, found.next_at) == (2, False, None)
    while core.outbox.deliver_next():
        pass
    (mail,) = [mail for mail in post.sent if mail.subject == "A schedule has stopped"]
    assert "Every morning" in mail.body.get_secret_value()
    assert "no credit left" in mail.body.get_secret_value()
    with at("2026-03-04T09:00:01+00:00"):
        look(core)
        assert len(run_of(core, alice, workflow_id)) == 2
        gone_on = core.schedules.go_on(alice, schedule.id)
    assert (gone_on.failures_in_row, gone_on.is_active) == (0, True)
    assert f"{gone_on.next_at:%m-%d %H:%M}" == "03-05 09:00"


def test_a_run_that_cannot_start_is_a_failure_with_its_reason(
    core: Core, alice: User, workflow_id: str, at: At
) -> None:
    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, DAILY)
    draft = core.workflows.get(alice, workflow_id)
    fields = [{"name": "other", "type": "text"}]
    graph = {
        "nodes": [
            {"id": "start", "kind": "input", "fields": fields},
            {"id": "end", "kind": "output", "name": "answer", "format": "text", "value": "{{other}}"},
        ],
        "edges": [{"source": "start", "target": "end"}],
    }
    core.workflows.save_draft(alice, workflow_id, graph, draft.revision)
    core.workflows.publish(alice, workflow_id)
    with at("2026-03-02T09:00:01+00:00"):
        look(core)
    last = core.schedules.get(alice, schedule.id).last
    assert last is not None
    assert (last.status, last.error_code) == ("failed", "invalid")
    assert "no input called" in (last.error_message or "")


def test_a_schedule_rests_while_it_is_paused_and_while_its_workflow_is_archived(
    core: Core, alice: User, workflow_id: str, at: At
) -> None:
    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, DAILY)
        assert core.schedules.pause(alice, schedule.id).next_at is None
    with at("2026-03-02T09:00:01+00:00"):
        look(core)
        core.schedules.go_on(alice, schedule.id)
        core.workflows.archive(alice, workflow_id)
    with at("2026-03-03T09:00:01+00:00"):
        assert core.schedules.next_due_at() is None
        look(core)
    assert run_of(core, alice, workflow_id) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"cron": "x"}, "cron"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"missed": "perhaps"}, "missed"),
        ({"stop_after_failures": 0}, "stop_after_failures"),
        ({"budget_micros": -1}, "budget_micros"),
        ({"inputs": {}}, "amount"),
        ({"inputs": {"amount": "many"}}, "amount"),
        ({"inputs": {"amount": 1, "other": 2}}, "other"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(
    core: Core, alice: User, workflow_id: str, change: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        core.schedules.create(alice, workflow_id, replace(DAILY, **change))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_two_people_who_change_a_schedule_do_not_overwrite_each_other(
    core: Core, alice: User, workflow_id: str
) -> None:
    schedule = core.schedules.create(alice, workflow_id, DAILY)
    changed = core.schedules.change(alice, schedule.id, replace(DAILY, name="Early"), schedule.revision)
    assert changed.draft.name == "Early"
    with pytest.raises(Conflict):
        core.schedules.change(alice, schedule.id, replace(DAILY, name="Late"), schedule.revision)


def test_only_what_is_published_is_scheduled(core: Core, alice: User) -> None:
    made = core.workflows.create(alice, "New", "hr")
    with pytest.raises(NotPublished):
        core.schedules.create(alice, made.id, DAILY)


def test_charlie_finds_nothing_of_alices_schedules(core: Core, cast: Cast, workflow_id: str) -> None:
    schedule = core.schedules.create(cast.alice, workflow_id, DAILY)
    asked: list[Callable[[], object]] = [
        lambda: core.schedules.get(cast.charlie, schedule.id),
        lambda: core.schedules.history(cast.charlie, schedule.id),
        lambda: core.schedules.create(cast.charlie, workflow_id, DAILY),
        lambda: core.schedules.change(cast.charlie, schedule.id, DAILY, 1),
        lambda: core.schedules.pause(cast.charlie, schedule.id),
        lambda: core.schedules.go_on(cast.charlie, schedule.id),
        lambda: core.schedules.delete(cast.charlie, schedule.id),
        lambda: core.schedules.list(cast.charlie, workflow_id),
    ]
    for ask in asked:
        with pytest.raises(NotFound):
            ask()
    assert core.schedules.list(cast.charlie) == []


def test_who_runs_a_shared_workflow_sees_only_their_own_schedules_and_who_edits_it_all(
    core: Core, cast: Cast, workflow_id: str
) -> None:
    core.schedules.create(cast.alice, workflow_id, DAILY)
    core.sharing.grant(cast.alice, "workflow", workflow_id, Grantee("person", cast.bob.id), "run")
    mine = core.schedules.create(cast.bob, workflow_id, replace(DAILY, name="Bob’s"))
    assert [s.draft.name for s in core.schedules.list(cast.bob, workflow_id)] == ["Bob’s"]
    assert [s.draft.name for s in core.schedules.list(cast.alice, workflow_id)] == ["Bob’s", "Every morning"]
    core.schedules.pause(cast.alice, mine.id)
    with pytest.raises(Forbidden):
        core.schedules.change(cast.alice, mine.id, DAILY, mine.revision + 1)


def test_a_schedule_of_somebody_who_lost_the_workflow_fails(
    core: Core, cast: Cast, workflow_id: str, at: At
) -> None:
    core.sharing.grant(cast.alice, "workflow", workflow_id, Grantee("person", cast.bob.id), "run")
    with at(MONDAY_EIGHT):
        mine = core.schedules.create(cast.bob, workflow_id, DAILY)
    core.sharing.revoke(cast.alice, "workflow", workflow_id, Grantee("person", cast.bob.id))
    with at("2026-03-02T09:00:01+00:00"):
        look(core)
    last = core.schedules.get(cast.bob, mine.id).last
    assert last is not None
    assert (last.status, last.error_code) == ("failed", "not_found")


def test_a_deleted_schedule_is_gone_and_its_runs_stay(core: Core, alice: User, workflow_id: str, at: At) -> None:
    with at(MONDAY_EIGHT):
        schedule = core.schedules.create(alice, workflow_id, DAILY)
    with at("2026-03-02T09:00:01+00:00"):
        look(core)
        core.schedules.delete(alice, schedule.id)
    with pytest.raises(NotFound):
        core.schedules.get(alice, schedule.id)
    (run,) = run_of(core, alice, workflow_id)
    end(core, run, CoreError())
