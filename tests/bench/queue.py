"""How long a run waits before its first model call on a warm worker: alone, and behind another person's crowd."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.keys.models import KeyDraft
from core.runs.models import Run
from tests.support.databases import PostgresTemplates, SqliteTemplates, postgres_server
from tests.support.worker import PASSWORD, Desk, Worker, desk, wait_until

RUNS = 40
CROWD = 60
SECRET = "zk-bench-key-0123456789abcdef"


def figures(kind: str) -> dict[str, list[float]]:
    """Return milliseconds on a kind of database: from pressing Run to the first call, and what a crowd adds."""
    with on(kind) as at, Worker(at.settings) as worker:
        worker.wait_until_ready()
        agent = at.agent("fake-1")
        one_by_one = []
        for number in range(RUNS + 3):
            run = at.core.runs.start_agent_run(at.alice, agent, f"Look at MARK-{number}.")
            at.ended(run)
            if number >= 3:  # the first ones load what is imported on first use
                one_by_one.append(_until_first_call(at, run))
        return {"alone": one_by_one, "behind a crowd": [_behind_a_crowd(at) for _ in range(3)]}


@contextmanager
def on(kind: str) -> Iterator[Desk]:
    """A desk on a fresh database of a kind."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zoark-bench-")))
        url = stack.enter_context(_database(kind, folder))
        yield stack.enter_context(desk(url, folder, SECRET))


def percentile(found: list[float], percent: int) -> float:
    """Return the value below which so many percent lie."""
    return sorted(found)[min(len(found) - 1, len(found) * percent // 100)]


def _until_first_call(at: Desk, run: Run) -> float:
    first = at.core.runs.model_calls(at.alice, run.id)[0]
    return (first.started_at - run.created_at).total_seconds() * 1000


def _behind_a_crowd(at: Desk) -> float:
    """Let Alice start 60 runs of 200 ms, then somebody else one; return how long that one took to its call."""
    core = at.core
    name = f"bob{len(core.sharing.colleagues(at.alice))}"
    bob = core.accounts.register(f"{name}@example.com", name, PASSWORD)
    key = core.keys.add(bob, KeyDraft("fake", "openai_compatible", SECRET, at.fake.openai_url))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "fake-1"}
    his = core.agents.create(bob, fields).id
    slow = at.agent("fake-1@latency=200")
    crowd = [core.runs.start_agent_run(at.alice, slow, "Look.") for _ in range(CROWD)]
    one = core.runs.start_agent_run(bob, his, "Look.")
    wait_until(lambda: not core.runs.get(bob, one.id).is_active, 120, "the one run")
    first = core.runs.model_calls(bob, one.id)[0]
    for run in crowd:
        at.ended(run, 120)
    return (first.started_at - one.created_at).total_seconds() * 1000


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    (folder / "templates").mkdir()
    with ExitStack() as stack:
        if kind == "sqlite":
            yield stack.enter_context(SqliteTemplates(folder / "templates").fresh(folder))
            return
        templates = PostgresTemplates(stack.enter_context(postgres_server()), folder / "templates")
        stack.callback(templates.close)
        yield stack.enter_context(templates.fresh(folder))


def main() -> None:
    """Print median and 95th percentile for both databases."""
    for kind in ("sqlite", "postgresql"):
        for what, found in figures(kind).items():
            aim = "   aim ≤ 250 (p95)" if what == "alone" else ""
            middle, high = percentile(found, 50), percentile(found, 95)
            label = f"run to first call {what}, {kind}, ms"
            print(f"{label:50} {middle:8.0f}  p95 {high:.0f} (n={len(found)}){aim}", flush=True)


if __name__ == "__main__":
    main()
