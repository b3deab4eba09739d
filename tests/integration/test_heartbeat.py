"""A worker's heart beats whatever else it does, and others take it for alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.bootstrap import Core
from core.worker import process
from core.worker.process import WorkerProcess
from tests.support.worker import wait_until


@pytest.fixture
def worker(core: Core, monkeypatch: pytest.MonkeyPatch) -> WorkerProcess:
    monkeypatch.setattr(process, "BEAT_SECONDS", 0.05)
    made = WorkerProcess(core, is_embedded=False)
    core.journal.worker_started(made._info)
    return made


@pytest.fixture
def end() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_its_heart_beats_while_it_looks_after_what_the_dead_have_left(
    core: Core, worker: WorkerProcess, end: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, has_looked = threading.Event(), threading.Event()

    def look() -> None:
        looks.set()
        has_looked.wait(60)

    monkeypatch.setattr(worker, "_adopt", look)
    threads = [
        threading.Thread(target=part, args=(end,), daemon=True) for part in (worker._beat, worker._take_over)
    ]
    for thread in threads:
        thread.start()
    assert looks.wait(60)
    (before,) = core.runs.workers()
    wait_until(lambda: core.runs.workers()[0].heartbeat_at > before.heartbeat_at, 30, "a beat")
    assert not has_looked.is_set()
    end.set()
    has_looked.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_what_goes_wrong_with_the_dead_does_not_end_looking_after_them(
    worker: WorkerProcess, end: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)

    def fail() -> None:
        asked.release()
        raise ConnectionError("postgresql://user:password@host")

    monkeypatch.setattr(worker, "_adopt", fail)
    thread = threading.Thread(target=worker._take_over, args=(end,), daemon=True)
    thread.start()
    assert asked.acquire(timeout=60)
    assert asked.acquire(timeout=60)
    end.set()
    thread.join(60)
    assert not thread.is_alive()
