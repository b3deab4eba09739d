"""Kill -9 at random moments while thousands of small runs are executed: what is lost, repeated or billed twice.

Run alone with ``python -m tests.bench.kills --runs 10000 --kills 500 --on postgresql``. A run is a call of the fake
model between two nodes that only write down that they ran.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core import clock
from core.runs.models import Run, RunFilter
from tests.bench.queue import on, percentile
from tests.support.nursery import Fledgling, Nursery
from tests.support.odd_kinds import noted_at, odd_kinds
from tests.support.worker import Desk, wait_until

# So many stand in the queue at once: the rest is started as they end.
AHEAD = 100
LAST_SECONDS = 120


@dataclass
class Kill:
    """A worker was killed while these runs were at work."""

    at: datetime
    run_ids: frozenset[str]


@dataclass
class Report:
    """What became of all runs."""

    runs: int
    lost: list[str] = field(default_factory=list)
    ended_twice: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    unbooked_requests: int = 0
    double_billed: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    recovery_seconds: list[float] = field(default_factory=list)
    seconds: float = 0.0


def run_and_kill(kind: str, runs: int, kills: int, workers: int, seed: int) -> Report:
    """Start ``runs`` runs, kill workers ``kills`` times while they are executed, and look what became of them."""
    chance = random.Random(seed)
    began = time.monotonic()
    with odd_kinds(), on(kind) as at, Nursery(at.settings) as nursery:
        living = [nursery.worker() for _ in range(workers)]
        started: list[Run] = []
        done: list[Kill] = []
        graph = _graph(at)
        while len(started) < runs or len(done) < kills:
            _fill(at, graph, started, runs)
            # The kills are spread over the runs.
            if len(done) < kills and _ended(at, started) >= len(done) * runs / max(kills, 1) * 0.95:
                time.sleep(chance.uniform(0.05, 0.6))
                done.append(_kill_one(at, nursery, living, chance))
            else:
                time.sleep(0.1)
        wait_until(lambda: _ended(at, started) == runs, LAST_SECONDS + runs, "the end of all runs")
        report = _look(at, started, done)
    report.seconds = time.monotonic() - began
    return report


def _graph(at: Desk) -> dict[str, object]:
    agent = {"id": "ask", "kind": "agent", "agent_id": at.agent("fake-1"), "task": "Do MARK-{{name}}."}
    nodes = [{"id": "before", "kind": "mark"}, agent, {"id": "after", "kind": "mark"}]
    return {"nodes": nodes, "edges": [{"source": "before", "target": "ask"}, {"source": "ask", "target": "after"}]}


def _fill(at: Desk, graph: dict[str, object], started: list[Run], runs: int) -> None:
    while len(started) < runs and len(started) - _ended(at, started) < AHEAD:
        for _ in range(min(20, runs - len(started))):
            name = f"r{len(started)}"
            started.append(at.core.runs.start_graph_run(at.alice, name, graph, {"name": name}))


def _ended(at: Desk, started: Sequence[Run]) -> int:
    active = at.core.runs.page(at.alice, RunFilter(frozenset({"queued", "running", "waiting"})), limit=500)
    return len(started) - len(active.items)


def _kill_one(at: Desk, nursery: Nursery, living: list[Fledgling], chance: random.Random) -> Kill:
    running = at.core.runs.page(at.alice, RunFilter(frozenset({"running"})), limit=500).items
    victim = living.pop(chance.randrange(len(living)))
    victim.kill()
    kill = Kill(clock.now(), frozenset(run.id for run in running))
    living.append(nursery.worker())
    return kill


def _look(at: Desk, started: Sequence[Run], kills: Sequence[Kill]) -> Report:
    report = Report(len(started))
    marks = noted_at(at.settings.data_dir)
    asked = Counter(marker for record in at.fake.chats for marker in set(record.markers))
    taken_up: dict[str, list[datetime]] = {}
    for run in started:
        events = at.core.runs.events(at.alice, run.id)
        ends = [event for event in events if event.kind in ("run_succeeded", "run_failed", "run_cancelled")]
        if not ends or at.get(run).status != "succeeded":
            report.lost.append(run.id)
        if len(ends) > 1:
            report.ended_twice.append(run.id)
        for event in events:
            if event.kind == "node_finished":
                key = f"{run.id}:{event.node_id}:-1"
                report.repeated += [key for began_at in marks.get(key, ()) if began_at > event.at]
        taken_up[run.id] = [event.at for event in events if event.kind == "run_resumed"]
        calls = at.core.runs.model_calls(at.alice, run.id)
        report.calls.update(call.status for call in calls)
        report.errors.update(call.error_code for call in calls if call.error_code)
        # Every request has a row of its own, and an answer is billed once.
        requests = asked[f"MARK-{run.title}"]
        report.unbooked_requests += max(0, requests - len(calls))
        report.double_billed += max(0, sum(call.status == "answered" for call in calls) - requests)
    for kill in kills:
        for run_id in kill.run_ids:
            later = [moment for moment in taken_up.get(run_id, ()) if moment > kill.at]
            if later:
                report.recovery_seconds.append((min(later) - kill.at).total_seconds())
    return report


def main() -> None:
    """Print what was lost, repeated and billed twice, and how long others took to take over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--workers", type=int, default=1, help="more than one on PostgreSQL only")
    parser.add_argument("--on", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    report = run_and_kill(given.on, given.runs, given.kills, given.workers, given.seed)
    print(f"{given.kills} kills over {report.runs} runs on {given.on}, {report.seconds:.0f} s")
    print(f"lost {len(report.lost)}, ended twice {len(report.ended_twice)}, repeated {len(report.repeated)}")
    print(f"requests not in the books {report.unbooked_requests}, billed twice {report.double_billed}")
    print(f"calls {dict(report.calls)}, failed for {dict(report.errors)}")
    if found := report.recovery_seconds:
        middle, high = statistics.median(found), percentile(found, 95)
        print(f"taken over after {middle:.1f} s, p95 {high:.1f} s, at most {max(found):.1f} s (n={len(found)})")


if __name__ == "__main__":
    main()
