"""What a budget costs a call: holding it in three budgets, and settling it, on SQLite and PostgreSQL.

Run alone with ``python -m tests.bench.reservation``. Figures are milliseconds of one call, nobody else at work.
"""

from __future__ import annotations

import statistics
import time

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.keys.models import KeyDraft
from core.llm.pricing import OwnPrice, Tokens
from core.usage.models import CallOrigin
from tests.bench.queue import on, percentile
from tests.support.stub_queue import StubQueue, runs_with
from tests.support.worker import Desk

CALLS = 500
PRICE, BOUND, USED = OwnPrice(1_000_000, 1_000_000), Tokens(2000, 1000), Tokens(500, 200)


def main() -> None:
    """Print both databases."""
    for kind in ("sqlite", "postgresql"):
        with on(kind) as desk:
            held, settled = _measure(desk)
        for what, found in (("held", held), ("settled", settled)):
            median, p95 = statistics.median(found), percentile(found, 95)
            print(f"a call {what}, {kind:10} {median:8.1f} ms, p95 {p95:.1f} ms  (n={len(found)})", flush=True)


def _measure(desk: Desk) -> tuple[list[float], list[float]]:
    core, origin = desk.core, _origin(desk)
    root = core.accounts.create_user("root@example.com", "Root", "correct horse battery staple", "admin")
    _set_budgets(core, root.proven(clock.now()), origin)
    held, settled = [], []
    for _ in range(CALLS):
        began = time.perf_counter()
        call_id = core.usage.open_call(origin, BOUND, PRICE)
        middle = time.perf_counter()
        core.usage.settle(call_id, origin, USED, 1)
        held.append((middle - began) * 1000)
        settled.append((time.perf_counter() - middle) * 1000)
    return held, settled


def _set_budgets(core: Core, root: User, origin: CallOrigin) -> None:
    for scope, scope_id in (("organisation", ""), ("department", "hr"), ("person", origin.user_id)):
        core.budgets.add(root, scope, scope_id, "month", 10**12)  # type: ignore[arg-type]


def _origin(desk: Desk) -> CallOrigin:
    core, alice = desk.core, desk.alice.proven(clock.now())
    key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-bench-key-0123456789abcdef"))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    agent = core.agents.create(alice, fields)
    run = runs_with(core, StubQueue()).start_agent_run(alice, agent.id, "x")
    return CallOrigin(run.id, "agent", agent.id, alice.id, "hr", key.id, "openai", "m")


if __name__ == "__main__":
    main()
