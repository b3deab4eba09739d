"""Whose run is next, with real workers: a crowd delays nobody, and limits of runs at once hold across workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from sqlalchemy import select

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import runs
from core.keys.models import KeyDraft
from core.quotas.models import EVERY, Allowance
from core.runs.models import QueuePlace, Run
from core.runs.service import Runs
from core.turns.fairness import Full
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, a_worker, runs_with
from tests.support.worker import PASSWORD, Desk, Worker, desk

# Two workers where there can be two.
WORKERS = {"sqlite": 1, "postgresql": 2}


class Office:
    """People who start runs; nothing is executed."""

    def __init__(self, core: Core, queue: StubQueue) -> None:
        self.core = core
        self.queue = queue
        self.runs: Runs = runs_with(core, queue)
        self._agents: dict[str, str] = {}

    def start(self, person: User, count: int = 1) -> list[Run]:
        if person.id not in self._agents:
            key = self.core.keys.add(person, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
            fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
            self._agents[person.id] = self.core.agents.create(person, fields).id
        return [self.runs.start_agent_run(person, self._agents[person.id], "x") for _ in range(count)]

    def key_of(self, person: User) -> str:
        return self.core.keys.list(person)[0].id

    def given(self) -> list[str]:
        """Return the ids the queue was given, in order."""
        return [run_id for run_id, _ in self.queue.given]

    def end(self, run: Run) -> None:
        self.core.journal.begin(run.id)
        self.core.journal.succeed(run.id, "done")

    def next(self) -> list[str]:
        """Let runs begin; return which."""
        before = len(self.queue.given)
        self.runs.dispatch.begin_next()
        return self.given()[before:]


@pytest.fixture
def office(core: Core) -> Office:
    return Office(core, StubQueue())


def ids(found: list[Run]) -> list[str]:
    return [run.id for run in found]


def test_runs_stay_in_their_rows_until_a_worker_has_places(core: Core, office: Office, cast: Cast) -> None:
    mine = office.start(cast.alice, 5)
    assert office.given() == []
    a_worker(core, slots=2)
    assert office.next() == ids(mine[:2])
    assert office.next() == []
    office.end(mine[0])
    assert office.next() == ids(mine[2:3])
    office.runs.cancel(cast.alice, mine[3].id)
    office.end(mine[1])
    assert office.next() == ids(mine[4:])
    core.journal.worker_stopped("worker_1")
    office.end(mine[2])
    office.start(cast.bob)
    assert office.next() == []


def test_bobs_one_run_is_next_however_many_alice_has(core: Core, office: Office, cast: Cast) -> None:
    a_worker(core, slots=2)
    of_alice = office.start(cast.alice, 30)
    (of_bob,) = office.start(cast.bob)
    assert office.given() == ids(of_alice[:2])
    office.end(of_alice[0])
    assert office.next() == [of_bob.id]


def test_limits_hold_and_the_run_says_what_it_waits_for(core: Core, office: Office, cast: Cast, root: User) -> None:
    for person in (cast.alice, cast.bob):
        core.people.set_department(root, person.id, "hr")
    core.people.set_department(root, cast.charlie.id, "sales")  # else the agent's department would pay
    core.quotas.put(root, "person", EVERY, Allowance(concurrent_runs=2))
    core.quotas.put(root, "department", "hr", Allowance(concurrent_runs=3))
    a_worker(core, slots=8)
    of_alice, of_bob, of_charlie = (office.start(person, 3) for person in (cast.alice, cast.bob, cast.charlie))
    assert office.given() == ids([*of_alice[:2], of_bob[0], *of_charlie[:2]])

    def place(person: User, run: Run) -> QueuePlace | None:
        return office.runs.place(person, run.id)

    found = place(cast.alice, of_alice[2])
    assert found is not None
    assert found.full == Full("person", cast.alice.id, 2, 2)
    found = place(cast.bob, of_bob[1])
    assert found is not None
    assert found.full == Full("department", "hr", 3, 3)
    assert place(cast.alice, of_alice[0]) is None
    office.end(of_alice[0])
    assert office.next() == [of_alice[2].id]  # both have one at work, and her turn is longer ago
    key = core.quotas.put(cast.charlie, "key", office.key_of(cast.charlie), Allowance(concurrent_runs=1))
    office.end(of_charlie[0])
    assert office.next() == []
    found = place(cast.charlie, of_charlie[2])
    assert found is not None
    assert found.full == Full("key", key.scope_id, 1, 1)
    core.quotas.remove(cast.charlie, key.id)
    assert office.next() == [of_charlie[2].id]


def test_a_queued_run_knows_how_many_are_ahead(core: Core, office: Office, cast: Cast) -> None:
    a_worker(core, slots=1)
    of_alice, of_bob = office.start(cast.alice, 4), office.start(cast.bob, 3)
    places = [office.runs.place(cast.alice, run.id) for run in of_alice]
    # One of hers works; before her second has its turn, Bob has one.
    assert [place and place.ahead for place in places] == [None, 1, 3, 5]
    assert office.runs.place(cast.bob, of_bob[0].id) == QueuePlace(0, None)


def test_a_run_that_the_queue_never_got_is_given_again(
    core: Core, office: Office, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    a_worker(core, slots=1)
    office.queue.is_down = True
    (run,) = office.start(cast.alice)
    office.queue.is_down = False
    assert office.next() == []  # its place is taken: no second one begins in its stead
    time.advance(seconds=4)
    core.journal.worker_beat("worker_1")
    assert office.runs.dispatch.sweep() == 1
    assert office.given() == [run.id]
    with core.db.read() as connection:
        assert connection.execute(select(runs.c.enqueued_at)).scalar_one() == clock.now()


def test_a_worker_that_fell_silent_has_no_places(
    core: Core, office: Office, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    a_worker(core, slots=2)
    time.advance(seconds=21)
    office.start(cast.alice)
    assert office.given() == []
    a_worker(core, slots=1, executor_id="worker_2")
    assert len(office.next()) == 1
    a_worker(core, slots=2, executor_id="worker_3")
    office.start(cast.alice, 5)
    # On SQLite there is one worker, whatever rows a dead one left.
    assert len(office.given()) == (2 if core.db.is_sqlite else 3)


# --- real workers ---------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose workers execute two runs each at once."""
    folder = tmp_path_factory.mktemp(request.param)
    name = "sqlite_templates" if request.param == "sqlite" else "postgres_templates"
    with (
        request.getfixturevalue(name).fresh(folder) as url,
        desk(url, folder, "zk-turns-key-0123456789abcdef", ZOARK_WORKER_THREADS=2) as made,
    ):
        yield made


def test_one_run_of_bob_ends_before_the_tenth_of_forty_of_alice(busy: Desk) -> None:
    core, kind = busy.core, "sqlite" if busy.core.db.is_sqlite else "postgresql"
    bob = core.accounts.register("bob@example.com", "Bob", PASSWORD)
    key = core.keys.add(bob, KeyDraft("fake", "openai_compatible", "zk-bobs-key-0123456789", busy.fake.openai_url))
    of_alice = busy.agent("fake-1")
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "fake-1"}
    of_bob = core.agents.create(bob, fields).id
    many = [core.runs.start_agent_run(busy.alice, of_alice, f"Look at MARK-{n}.") for n in range(40)]
    one = core.runs.start_agent_run(bob, of_bob, "Look at MARK-bob.")
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(busy.settings)) for _ in range(WORKERS[kind])]
        for worker in workers:
            worker.wait_until_ready()
        for run in many[:12]:
            assert busy.ended(run, 200).status == "succeeded"
        done = core.runs.get(bob, one.id)
        assert done.status == "succeeded"
        assert done.ended_at is not None
        ended = [busy.get(run).ended_at for run in many]
        assert sum(at is not None and at < done.ended_at for at in ended) < 10
        root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
        core.people.set_department(root, busy.alice.id, "hr")
        _a_limit_holds_across_workers(busy, replace(root, department=None))
        for run in many:
            core.runs.cancel(busy.alice, run.id)


def _a_limit_holds_across_workers(busy: Desk, root: User) -> None:
    """One run at once of a department, however many places the workers have."""
    busy.core.quotas.put(root, "department", "hr", Allowance(concurrent_runs=1))
    last = busy.start("fake-1", "Look at MARK-last.")
    for run in busy.core.runs.list(busy.alice, limit=100):
        if run.status == "queued" and run.id != last.id:
            busy.core.runs.cancel(busy.alice, run.id)
    three = [busy.start("fake-1@latency=200", f"Look at MARK-limited-{n}.") for n in range(3)]
    busy.ended(last)
    busy.fake.reset()
    assert {busy.ended(run).status for run in three} == {"succeeded"}
    assert busy.fake.max_in_flight == 1
