"""How long a run goes on after Cancel, while its model thinks: an answer, a stream, or nothing at all."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.bench.queue import on
from tests.support.worker import Worker

RUNS = 10
MODELS = ("fake-1@latency=60000", "fake-1@chunks=20@gap=5000", "fake-1@fault=hang")


def seconds_to_stop(kind: str) -> list[float]:
    """Return the seconds from Cancel to the end of the run, for each kind of model in turn."""
    found = []
    with on(kind) as at, Worker(at.settings) as worker:
        worker.wait_until_ready()
        for number in range(RUNS):
            run = at.start(MODELS[number % len(MODELS)], f"Look at MARK-{number}.")
            at.is_asked(f"MARK-{number}")
            began = time.perf_counter()
            at.core.runs.cancel(at.alice, run.id)
            assert at.ended(run).status == "cancelled"
            found.append(time.perf_counter() - began)
    return found


def main(report: Callable[[str, list[float]], None]) -> None:
    """Print the figures."""
    for kind, name in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        report(f"cancel to end, {name}, s", seconds_to_stop(kind))
