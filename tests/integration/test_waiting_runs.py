"""Runs that wait hold nothing, and go on when they are woken: by a word, or by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import BadKey
from core.keys.models import KeyDraft
from core.runs.models import Run
from core.runs.nodes.models import NODE
from core.runs.segments import repository as segments
from core.runs.service import Runs
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, a_worker, runs_with


class Office:
    """Alice's runs, with a worker that has one place and executes nothing."""

    def __init__(self, core: Core, alice: User) -> None:
        self.core = core
        self.alice = alice
        self.queue = StubQueue()
        self.runs: Runs = runs_with(core, self.queue)
        self.nodes = core.journal.nodes
        a_worker(core, slots=1)
        key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
        fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
        self._agent = core.agents.create(alice, fields).id

    def start(self) -> Run:
        return self.runs.start_agent_run(self.alice, self._agent, "x")

    def working(self) -> Run:
        """Return a run whose only node works."""
        run = self.start()
        assert self.core.journal.begin(run.id) == "begun"
        run = self.get(run)
        assert self.nodes.start(run, "agent") is not None
        return run

    def waiting(self, due_at: object = None) -> Run:
        """Return a run whose only node waits."""
        run = self.working()
        assert self.nodes.wait(run, "agent", NODE, due_at)  # type: ignore[arg-type]
        assert self.core.journal.wait(run.id, 1, due_at)  # type: ignore[arg-type]
        return self.get(run)

    def get(self, run: Run) -> Run:
        return self.runs.get(self.alice, run.id)

    def wake(self, run: Run) -> None:
        with self.core.db.transaction() as connection:
            self.runs.waking.wake(connection, run.id)
        self.runs.waking.let_begin()

    def kinds(self, run: Run) -> list[str]:
        return [event.kind for event in self.runs.events(self.alice, run.id)]

    def status_of_node(self, run: Run) -> str:
        state = self.nodes.state(run.id, "agent")
        assert state is not None
        return state.status


@pytest.fixture
def office(core: Core, alice: User) -> Office:
    return Office(core, alice)


def test_a_waiting_run_leaves_its_place_to_others(office: Office) -> None:
    run = office.waiting()
    assert (run.status, run.wake_at) == ("waiting", None)
    other = office.start()
    assert office.queue.given[-1][0] == other.id
    assert office.runs.dispatch.place(run) is None


def test_a_run_that_waits_for_a_person_needs_no_worker(office: Office) -> None:
    office.waiting()
    assert office.runs.next_due_at() is None
    assert not office.core.work_is_waiting()


def test_a_woken_run_goes_on_in_a_segment_of_its_own(office: Office) -> None:
    run = office.waiting()
    office.wake(run)
    assert (office.get(run).status, office.get(run).segment) == ("queued", 2)
    assert (office.queue.given[-1][0], office.queue.segments[-1]) == (run.id, 2)
    assert office.core.journal.begin(run.id, 1) is None  # what is left of the first segment finds nothing to do
    assert office.core.journal.begin(run.id, 2) == "begun"
    assert office.get(run).started_at == run.started_at
    told = ["run_started", "node_started", "node_waiting", "run_waiting", "run_woken", "run_continued"]
    assert office.kinds(run) == ["run_queued", *told]


def test_a_woken_run_waits_for_its_turn_like_any_other(office: Office) -> None:
    run = office.waiting()
    office.working()
    office.wake(run)
    assert office.get(run).status == "queued"
    assert office.queue.segments == [1, 1]
    assert office.core.work_is_waiting()


def test_a_run_is_woken_when_its_time_has_come(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = StoppedClock(monkeypatch)
    due_at = clock.now() + timedelta(minutes=5)
    run = office.waiting(due_at)
    assert run.wake_at == due_at == office.runs.next_due_at()
    assert not office.core.work_is_waiting()
    assert office.runs.waking.wake_due() == 0
    stopped.advance(minutes=6)
    assert office.core.work_is_waiting()
    assert office.runs.waking.wake_due() == 1
    assert office.runs.waking.wake_due() == 0
    assert (office.get(run).status, office.get(run).wake_at) == ("queued", None)


def test_a_word_that_comes_while_the_run_works_is_not_lost(office: Office) -> None:
    run = office.working()
    office.nodes.wait(run, "agent")
    office.wake(run)
    assert not office.core.journal.wait(run.id, 1, None)
    assert office.get(run).status == "running"
    assert office.core.journal.hear(run.id, 1)
    assert not office.core.journal.hear(run.id, 1)
    assert office.core.journal.wait(run.id, 1, None)


def test_a_word_that_comes_in_the_moment_in_which_a_run_begins_to_wait_is_not_lost(office: Office) -> None:
    run = office.working()
    office.nodes.wait(run, "agent")
    _meanwhile(office, run, lambda: office.wake(run))
    assert (office.get(run).status, office.get(run).segment) == ("queued", 2)


def test_alices_cancel_in_the_moment_in_which_her_run_begins_to_wait_is_not_lost(office: Office) -> None:
    run = office.working()
    office.nodes.wait(run, "agent")
    _meanwhile(office, run, lambda: office.runs.cancel(office.alice, run.id))
    assert office.get(run).status == "cancelled"


def _meanwhile(office: Office, run: Run, act: Callable[[], object]) -> None:
    """Let a run begin to wait, and have somebody act before that is committed."""
    other = threading.Thread(target=act)
    with office.core.db.transaction() as connection:
        assert segments.wait(connection, run.id, 1, None)
        other.start()
        time.sleep(0.3)  # the other one has come to the row by now
    other.join()


def test_a_word_for_a_run_that_has_ended_changes_nothing(office: Office) -> None:
    run = office.working()
    office.core.journal.succeed(run.id, "done")
    office.wake(run)
    assert office.get(run).status == "succeeded"
    assert office.runs.next_due_at() is None


def test_alices_cancel_ends_a_waiting_run_at_once(office: Office) -> None:
    run = office.waiting(clock.now() + timedelta(minutes=5))
    assert office.runs.cancel(office.alice, run.id).status == "cancelled"
    assert office.status_of_node(run) == "cancelled"
    assert office.runs.next_due_at() is None
    assert office.kinds(run)[-1] == "run_cancelled"
    office.wake(run)
    assert office.get(run).status == "cancelled"


def test_a_run_that_was_asked_to_stop_does_not_begin_to_wait(office: Office) -> None:
    run = office.working()
    office.runs.cancel(office.alice, run.id)
    assert not office.core.journal.wait(run.id, 1, None)
    assert office.nodes.start(run, "other") is None


def test_what_comes_after_the_end_of_a_run_is_dropped(office: Office) -> None:
    run = office.working()
    office.core.journal.fail(run.id, BadKey())
    assert office.status_of_node(run) == "cancelled"
    assert not office.nodes.finish(run, "agent", NODE, "too late")
    assert not office.nodes.fail(run, "agent", NODE, BadKey())
    assert not office.nodes.skip(run, ["other"])
    assert office.status_of_node(run) == "cancelled"


def test_a_finished_node_says_what_came_of_it_and_does_not_start_again(office: Office) -> None:
    run = office.working()
    assert office.nodes.finish(run, "agent", NODE, {"total": 12.5, "lines": [1, None]}, "true", attempts=2)
    state = office.nodes.start(run, "agent")
    assert state is not None
    assert (state.status, state.branch, state.attempts) == ("succeeded", "true", 2)
    assert state.output == {"total": 12.5, "lines": [1, None]}
    assert office.kinds(run).count("node_started") == 1


def test_a_node_that_may_have_acted_when_its_run_ended_stays_in_doubt(office: Office) -> None:
    run = office.working()
    assert office.nodes.act(run, "agent")
    office.core.journal.cancelled(run.id)
    assert office.status_of_node(run) == "in_doubt"
