"""Entry of ``python -m tests.bench``: start, idle memory, rules, stopping, waiting runs, random requests."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import httpx

from tests.bench import canvas, contention, fuzz, queue, reservation, rules, sse, statement, stopping
from tests.support.app_server import AppServer

STARTS = 5
IDLE_SECONDS = 10
# What design asks for: read the numbers beside these, on an otherwise idle machine.
AIMS = {
    "start to health, s": 3.0,
    "idle PSS, MB": 130.0,
    "judging 200 nodes, ms": 50.0,
    "statement p95, SQLite, ms": 300.0,
    "statement p95, PostgreSQL, ms": 300.0,
    "cancel to end, SQLite, s": 3.0,
    "cancel to end, PostgreSQL, s": 3.0,
}


def main() -> None:
    """Print each figure as median and range over several starts."""
    first: list[float] = []
    warm: list[float] = []
    idle: list[float] = []
    with tempfile.TemporaryDirectory(prefix="zoark-bench-") as folder:
        for number in range(STARTS):
            app = AppServer(Path(folder))
            began = time.perf_counter()
            with app:
                (warm if number else first).append(time.perf_counter() - began)
                httpx.get(f"{app.url}/", timeout=10)
                time.sleep(IDLE_SECONDS)
                idle.append(sum(p.memory_full_info().pss for p in app.family()) / 1e6)
    report("first start with migration, s", first)
    report("start to health, s", warm)
    report("idle PSS, MB", idle)
    rules.main(report)
    statement.main(report)
    canvas.main(report)
    stopping.main(report)
    reservation.main()
    contention.main()
    queue.main()
    sse.main()
    fuzz.main()


def report(what: str, figures: list[float]) -> None:
    """Print one line."""
    aim = f"   aim ≤ {AIMS[what]:g}" if what in AIMS else ""
    spread = f"({min(figures):.2f} to {max(figures):.2f}, n={len(figures)})"
    print(f"{what:32} {statistics.median(figures):8.2f}  {spread}{aim}", flush=True)


if __name__ == "__main__":
    main()
