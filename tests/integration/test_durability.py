"""Runs outlive workers: kill -9, restarts, two workers, cancellation and the end of a parent, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from core.config import ROOT
from core.runs.models import Run
from core.worker import supervisor as supervisor_module
from core.worker.supervisor import Supervisor
from tests.support.worker import Desk, Worker, desk, environment_of, is_alive, wait_until

SECRET = "zk-durable-key-0123456789abcdef"
FINAL = {"run_succeeded", "run_failed", "run_cancelled"}
CALL_MICROS = 360

on_postgresql = pytest.mark.parametrize("shared", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("shared", ["sqlite"], indirect=True)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk per database: starting a worker is what takes long."""
    folder = tmp_path_factory.mktemp(request.param)
    name = "sqlite_templates" if request.param == "sqlite" else "postgres_templates"
    with request.getfixturevalue(name).fresh(folder) as url, desk(url, folder, SECRET) as made:
        yield made


@pytest.fixture
def desk_of_alice(shared: Desk) -> Iterator[Desk]:
    shared.fake.reset()
    yield shared
    still_open = [run for run in shared.core.runs.list(shared.alice) if run.is_active]
    for run in still_open:
        shared.core.runs.cancel(shared.alice, run.id)


def kinds(at: Desk, run: Run) -> Counter[tuple[str, str | None]]:
    return Counter((event.kind, event.node_id) for event in at.events(run))


def asked_about(at: Desk, marker: str) -> int:
    """How often the model was asked for a step: a step's own marker is in its task and nowhere else."""
    return sum(f"Do {marker}." in record.body for record in at.fake.chats)


def assert_ended_once(at: Desk, run: Run, kind: str) -> None:
    events = at.events(run)
    assert [event.kind for event in events if event.kind in FINAL] == [kind]
    assert events[-1].kind == kind
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


def assert_books_agree(at: Desk, run: Run) -> None:
    """Every call that the model answered is in the books once; nothing is left open."""
    calls = at.core.runs.model_calls(at.alice, run.id)
    answered = [call for call in calls if call.status == "answered"]
    counted = (
        len(answered),
        sum(call.input_tokens or 0 for call in answered),
        sum(call.output_tokens or 0 for call in answered),
    )
    assert counted == at.fake.totals()
    assert all(call.cost_micros == CALL_MICROS for call in answered)
    assert "open" not in {call.status for call in calls}


# --- an ordinary day ----------------------------------------------------------------------------


def test_alices_run_waits_for_a_worker(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.stop_worker()
    run = at.start()
    time.sleep(1)
    assert at.get(run).status == "queued"
    assert at.core.work_is_waiting()
    assert at.fake.requests == []
    at.worker()
    assert at.ended(run).status == "succeeded"
    assert_ended_once(at, run, "run_succeeded")
    assert_books_agree(at, run)


def test_steps_that_do_not_wait_for_each_other_run_at_once(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.worker()
    at.fake.options.hold = "fake-1"
    run = at.start_graph({"a": "fake-1", "b": "fake-1"})
    at.is_asked("MARK-a")
    at.is_asked("MARK-b")
    at.fake.options.hold = ""
    done = at.ended(run)
    assert at.fake.max_in_flight == 2
    assert done.output is not None
    assert "**a**" in done.output
    assert "MARK-b" in done.output
    assert_ended_once(at, run, "run_succeeded")
    assert_books_agree(at, run)


def test_a_wrong_key_fails_the_run_with_its_reason(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.worker()
    run = at.ended(at.start("fake-1@fault=401"))
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.code == "bad_key"
    assert "key" in run.error.message
    assert len(at.fake.chats) == 1
    assert_ended_once(at, run, "run_failed")
    assert_books_agree(at, run)


def test_alices_cancel_ends_a_running_run(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.worker()
    run = at.start_graph({"a": "fake-1@latency=60000", "b": "fake-1"}, [("a", "b")])
    at.is_asked("MARK-a")
    began = time.monotonic()  # how long it takes is measured by the bench of stopping
    assert at.core.runs.cancel(at.alice, run.id).is_stopping
    assert at.ended(run).status == "cancelled"
    assert time.monotonic() - began < 30  # the model would have answered after 60
    assert_ended_once(at, run, "run_cancelled")
    assert_books_agree(at, run)
    assert asked_about(at, "MARK-b") == 0
    at.fake.wait_until(lambda records: all(record.outcome == "client_gone" for record in records), 30)


# --- kill -9 ------------------------------------------------------------------------------------


def test_a_killed_worker_costs_only_the_step_that_was_under_way(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    worker = at.worker()
    at.fake.options.latency = 60_000
    run = at.start_graph({"a": "fake-1@latency=0", "b": "fake-2"}, [("a", "b")])
    at.is_asked("MARK-b")
    worker.kill()
    at.fake.options.latency = 0
    assert at.get(run).status == "running"
    at.forget_heartbeats()
    at.worker()
    done = at.ended(run)
    assert done.status == "succeeded"
    assert (asked_about(at, "MARK-a"), asked_about(at, "MARK-b")) == (1, 2)
    assert_ended_once(at, run, "run_succeeded")
    assert_books_agree(at, run)
    seen = kinds(at, run)
    assert (seen["run_started", None], seen["run_resumed", None]) == (1, 1)
    assert (seen["node_started", "a"], seen["node_finished", "a"]) == (1, 1)
    assert (seen["node_started", "b"], seen["node_finished", "b"]) == (2, 1)
    assert seen["model_calls_interrupted", "b"] == 1
    books = [(call.node_id, call.status) for call in at.core.runs.model_calls(at.alice, run.id)]
    assert books == [("a", "answered"), ("b", "interrupted"), ("b", "answered")]
    # The interrupted call may be billed: it counts at its upper bound.
    assert done.totals.calls == 3
    assert done.totals.cost_micros > 3 * CALL_MICROS


def test_a_cancel_while_no_worker_lives_is_obeyed_by_the_next(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    worker = at.worker()
    run = at.start_graph({"a": "fake-1@latency=60000"})
    at.is_asked("MARK-a")
    worker.kill()
    at.core.runs.cancel(at.alice, run.id)
    at.forget_heartbeats()
    at.worker()
    assert at.ended(run).status == "cancelled"
    assert asked_about(at, "MARK-a") == 1
    assert_ended_once(at, run, "run_cancelled")
    assert_books_agree(at, run)


@on_postgresql
def test_a_run_of_a_killed_worker_is_taken_over_by_another(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    worker = at.worker()
    at.fake.options.latency = 60_000
    run = at.start_graph({"a": "fake-1@latency=0", "b": "fake-2"}, [("a", "b")])
    at.is_asked("MARK-b")
    with Worker(at.settings) as other:
        other.wait_until_ready()
        time.sleep(1)
        assert asked_about(at, "MARK-b") == 1, "the run of a living worker is left alone"
        worker.kill()
        at.fake.options.latency = 0
        assert at.ended(run, 60).status == "succeeded"
        assert other.stop() == 0
    assert (asked_about(at, "MARK-a"), asked_about(at, "MARK-b")) == (1, 2)
    assert_ended_once(at, run, "run_succeeded")
    assert_books_agree(at, run)


@on_postgresql
def test_two_workers_share_the_runs_and_do_none_twice(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.worker()
    with Worker(at.settings) as other:
        other.wait_until_ready()
        runs = [at.start("fake-1@latency=300", f"Look at MARK-{n}.") for n in range(12)]
        assert {at.ended(run).status for run in runs} == {"succeeded"}
        assert len(at.core.runs.workers()) >= 2
        assert other.stop() == 0
    assert [asked.markers for asked in at.fake.chats if len(asked.markers) != 1] == []
    assert Counter(asked.markers[0] for asked in at.fake.chats) == {f"MARK-{n}": 1 for n in range(12)}
    for run in runs:
        assert_ended_once(at, run, "run_succeeded")


@on_sqlite
def test_a_second_worker_on_sqlite_ends_at_once(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.worker()
    with Worker(at.settings) as second:
        assert second.wait(120) == 3
        assert "Another worker" in second.output
    assert at.worker().is_running


# --- the end of a parent ------------------------------------------------------------------------


@on_postgresql
def test_an_embedded_worker_ends_with_its_stdin_and_its_run_goes_on_later(desk_of_alice: Desk) -> None:
    at = desk_of_alice
    at.stop_worker()
    at.fake.options.latency = 60_000
    run = at.start_graph({"a": "fake-2"})
    with Worker(at.settings, embedded=True) as embedded:
        embedded.wait_until_ready()
        at.is_asked("MARK-a")
        embedded.close_stdin()
        assert embedded.wait(60) in (0, 1)
    assert at.get(run).status == "running"
    at.fake.options.latency = 0
    assert at.core.runs.workers() == []  # the other one has said that it ends: nobody waits for its silence
    at.worker()
    assert at.ended(run).status == "succeeded"
    assert asked_about(at, "MARK-a") == 2
    assert_ended_once(at, run, "run_succeeded")
    assert_books_agree(at, run)


@on_sqlite
def test_a_supervisor_starts_a_dead_worker_anew_before_its_next_look(
    desk_of_alice: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk_of_alice
    at.stop_worker()
    for name, value in environment_of(at.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(supervisor_module, "POLL_SECONDS", 600.0)
    supervisor = Supervisor(lambda: True, idle_seconds=300)
    supervisor.start()
    try:
        wait_until(lambda: supervisor.state().state == "running", 180, "the first worker")
        first = supervisor.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: supervisor.pid not in (None, first), 60, "another worker")
    finally:
        supervisor.stop()


# What the web process does, and nothing else of it.
PARENT = """
import time
from core.config import load_settings
from core.logs import set_up_logs
from core.worker.supervisor import Supervisor
set_up_logs(load_settings())
supervisor = Supervisor(lambda: True, idle_seconds=300)
supervisor.start()
while supervisor.pid is None: time.sleep(0.01)
print(supervisor.pid, flush=True)
while supervisor.state().state != "running": time.sleep(0.01)
print("running", flush=True)
time.sleep(600)
"""


@on_sqlite
@pytest.mark.parametrize("when", ["while the worker starts", "while the worker runs"])
def test_a_killed_parent_leaves_no_worker_behind(desk_of_alice: Desk, when: str) -> None:
    at = desk_of_alice
    at.stop_worker()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        env=environment_of(at.settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    pid = 0
    try:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if when == "while the worker runs":
            assert parent.stdout.readline().strip() == "running"
        else:
            time.sleep(0.5)
        assert is_alive(pid)
        parent.kill()
        parent.wait(30)
        wait_until(lambda: not is_alive(pid), 60, "the end of the worker")
    finally:
        parent.kill()
        parent.wait(30)
        if parent.stdout is not None:
            parent.stdout.close()
        if pid and is_alive(pid):
            os.kill(pid, signal.SIGKILL)
