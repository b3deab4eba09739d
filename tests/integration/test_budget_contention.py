"""Many processes spend one budget at once, some are killed: not one micro-dollar over, and nothing stays held."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import pytest
from sqlalchemy import func, select

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.budgets.models import BudgetState
from core.db.tables import model_calls, reservations
from core.keys.models import KeyDraft
from core.usage.models import CallOrigin
from tests.support.reserver import spend
from tests.support.stopped_clock import let_it_end
from tests.support.stub_queue import StubQueue, runs_with

PROCESSES = 8
# ``python -m tests.bench.contention`` makes thousands.
CALLS = int(os.environ.get("CONTENTION_CALLS", "150"))
LIMIT = 100 * CALLS  # about half as many calls, of eight times as many: most are refused
pytestmark = pytest.mark.timeout(240 + CALLS)


@pytest.fixture
def admin(root: User) -> User:
    return root.proven(clock.now())


@pytest.fixture
def origin(core: Core, alice: User) -> CallOrigin:
    actor = alice.proven(clock.now())
    key = core.keys.add(actor, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    agent = core.agents.create(actor, fields)
    run = runs_with(core, StubQueue()).start_agent_run(actor, agent.id, "x")
    return CallOrigin(run.id, "agent", agent.id, actor.id, "hr", key.id, "openai", "m")


@pytest.fixture
def budgets(core: Core, admin: User, origin: CallOrigin) -> list[BudgetState]:
    """The tightest is the department's; the others are locked with it, in another order than they were made."""
    let_it_end(clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1))
    return [
        core.budgets.add(admin, "person", origin.user_id, "month", 10 * LIMIT),
        core.budgets.add(admin, "department", "hr", "month", LIMIT),
        core.budgets.add(admin, "organisation", "", "day", 10 * LIMIT),
    ]


@dataclass
class Spender:
    """A process that spends, and what it tells."""

    process: BaseProcess
    told: Connection


@contextmanager
def spenders(core: Core, origin: CallOrigin, calls: int) -> Iterator[list[Spender]]:
    """Processes that have begun to spend."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.reserver"])  # imported once, not in each of them
    started = []
    try:
        for seed in range(PROCESSES):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=spend, args=(core.settings.database, origin, seed, calls, theirs))
            process.start()
            theirs.close()
            started.append(Spender(process, ours))
        for spender in started:
            assert spender.told.recv() == "begun"
        yield started
    finally:
        for spender in started:
            spender.process.kill()
            spender.process.join()
            spender.told.close()


def watch(core: Core, admin: User, budget: BudgetState, spending: list[Spender]) -> int:
    """Look at the budget until the processes have ended; return the most that was spent and held at a time."""
    most = 0
    while any(spender.process.is_alive() for spender in spending):
        state = core.budgets.get(admin, budget.budget.id)
        most = max(most, state.spent_micros + state.reserved_micros)
        time.sleep(0.05)
    return most


def booked(core: Core) -> int:
    with core.db.read() as connection:
        return int(connection.execute(select(func.sum(model_calls.c.cost_micros))).scalar_one())


def held(core: Core) -> int:
    with core.db.read() as connection:
        return int(connection.execute(select(func.count()).select_from(reservations)).scalar_one())


def test_eight_processes_spend_one_budget_and_never_a_micro_dollar_more(
    core: Core, admin: User, origin: CallOrigin, budgets: list[BudgetState]
) -> None:
    with spenders(core, origin, CALLS) as spending:
        most = watch(core, admin, budgets[1], spending)
        counts = [spender.told.recv() for spender in spending]
    assert all(sent + refused == CALLS for sent, refused in counts)
    sent = sum(sent for sent, _ in counts)
    assert most <= LIMIT
    states = [core.budgets.get(admin, budget.budget.id) for budget in budgets]
    assert {(state.spent_micros, state.reserved_micros) for state in states} == {(booked(core), 0)}
    # Full to the last call that fits: the smallest bound is two micro-dollars.
    assert LIMIT - 800 < booked(core) <= LIMIT
    assert (len(core.usage.calls_of_run(origin.run_id)), held(core)) == (sent, 0)


def test_killed_at_random_they_leave_nothing_held_when_the_leases_are_over(
    core: Core, admin: User, origin: CallOrigin, budgets: list[BudgetState]
) -> None:
    dice = random.Random(7)
    with spenders(core, origin, 150) as spending:
        for spender in dice.sample(spending, 5):
            time.sleep(dice.uniform(0.05, 0.2))
            spender.process.kill()
        watch(core, admin, budgets[1], spending)
    give_up_at = time.monotonic() + 30
    while held(core) and time.monotonic() < give_up_at:
        core.usage.interrupt_expired()
        time.sleep(0.1)
    assert held(core) == 0
    states = [core.budgets.get(admin, budget.budget.id) for budget in budgets]
    assert {(state.spent_micros, state.reserved_micros) for state in states} == {(booked(core), 0)}
    assert booked(core) <= LIMIT
    assert {call.status for call in core.usage.calls_of_run(origin.run_id)} <= {"answered", "failed", "interrupted"}
