"""Runs under budgets, in this process: they stop before the call that may cost too much, and the books agree."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.budgets.models import BudgetState
from core.engine import metering
from core.llm.pricing import Tokens
from core.usage.models import CallOrigin
from tests.fakes.model_server import FakeModelServer
from tests.integration.test_engine import (
    CALL_MICROS,
    OWN_PRICE,
    Stage,
    guarded_only,
    in_background,
    nothing_is_queued,
    on_sqlite,
    prepared_process,
    short_pauses,
    stage,
)
from tests.support.worker import wait_until

__all__ = ["guarded_only", "nothing_is_queued", "prepared_process", "short_pauses", "stage"]


@pytest.fixture
def admin(root: User) -> User:
    return root.proven(clock.now())


def _budget(core: Core, admin: User, micros: int) -> BudgetState:
    return core.budgets.add(admin, "organisation", "", "month", micros)


def _used(core: Core, admin: User, budget: BudgetState) -> tuple[int, int]:
    state = core.budgets.get(admin, budget.budget.id)
    return state.spent_micros, state.reserved_micros


def test_a_run_ends_before_the_call_that_may_cost_too_much(
    stage: Stage, core: Core, admin: User, fake: FakeModelServer
) -> None:
    budget = _budget(core, admin, 100)
    run = stage.queued()
    outcome = stage.execute(run)
    assert outcome.code == "budget_exceeded"
    assert "the organisation's monthly budget of $0.0001" in str(outcome.message)
    assert (fake.requests, stage.calls(run), _used(core, admin, budget)) == ([], [], (0, 0))
    assert "node_retry" not in stage.kinds(run)


def test_three_agents_on_one_key_are_counted_as_the_provider_counts(
    stage: Stage, core: Core, admin: User, fake: FakeModelServer
) -> None:
    """Side by side and streaming: one is asked twice, one is cancelled half-way, one uses a tool."""
    budget = _budget(core, admin, 10_000_000)
    fake.options.text = "word " * 50
    retried = stage.queued("fake-1@fail_first=1@gap=10")
    cancelled = stage.queued("fake-2@gap=200@chunks=50", max_output_tokens=200)
    calling = stage.queued(
        'fake-1@gap=10@tool=1@toolname=calculator@args={"expression":"1"}', tools=("calculator",)
    )
    with (
        in_background(lambda: stage.execute(retried)) as first,
        in_background(lambda: stage.execute(cancelled)) as second,
        in_background(lambda: stage.execute(calling)) as third,
    ):
        fake.wait_until(lambda records: any("fake-2" in r.model for r in records), 20)
        while "model_text" not in stage.kinds(cancelled):
            threading.Event().wait(0.05)
        stage.controls.stop_run(cancelled.id, "cancelled")
    outcomes = [done.outcome.code for done in (first, second, third) if done.outcome]
    assert outcomes == [None, "cancelled", None]
    calls = [call for run in (retried, cancelled, calling) for call in stage.calls(run)]
    answered = [call for call in calls if call.status == "answered"]
    assert Counter(call.status for call in calls) == {"answered": 3, "failed": 1, "interrupted": 1}
    assert (
        len(answered),
        sum(call.input_tokens or 0 for call in answered),
        sum(call.output_tokens or 0 for call in answered),
    ) == fake.totals()
    # What was cut off may be billed: it is in the books at the most it can cost, and so it is in the budget.
    (cut,) = [call for call in calls if call.status == "interrupted"]
    assert cut.output_tokens == 200
    assert (cut.cost_micros or 0) >= OWN_PRICE.output_micros_per_million * 200 / 1_000_000
    assert _used(core, admin, budget) == (3 * CALL_MICROS + (cut.cost_micros or 0), 0)


def test_a_provider_that_bills_more_than_can_be_closes_the_budget(
    stage: Stage, core: Core, admin: User, fake: FakeModelServer
) -> None:
    budget = _budget(core, admin, 20_000)
    assert stage.execute(stage.queued("fake-1@pt=50000@ct=50000", max_output_tokens=100)).code is None
    assert _used(core, admin, budget) == (50_000 * 2 + 50_000 * 8, 0)
    assert stage.execute(stage.queued()).code == "budget_exceeded"
    assert fake.totals().calls == 1
    assert core.budgets.get(admin, budget.budget.id).left_micros == 0


def test_a_stream_that_does_not_end_is_stopped_at_its_limit(
    stage: Stage, core: Core, admin: User, fake: FakeModelServer
) -> None:
    budget = _budget(core, admin, 10_000_000)
    fake.options.text, fake.options.chunks = "endless " * 2000, 2000
    run = stage.queued(max_output_tokens=16)
    outcome = stage.execute(run)
    assert (outcome.code, fake.totals().calls) == ("output_overrun", 0)
    (call,) = stage.calls(run)
    assert call.status == "interrupted"
    assert 16 < (call.output_tokens or 0) < 100
    assert _used(core, admin, budget) == (call.cost_micros, 0)


@on_sqlite
def test_a_run_waits_for_room_that_another_call_holds(
    stage: Stage, core: Core, admin: User, fake: FakeModelServer
) -> None:
    run = stage.queued()
    origin = _origin(stage, run.id)
    _budget(core, admin, 30_000)
    holding = core.usage.open_call(origin, Tokens(0, 3000), OWN_PRICE)  # 24,000
    with in_background(lambda: stage.execute(run)) as waiting:
        threading.Event().wait(0.6)
        assert (waiting.outcome, fake.requests) == (None, [])
        core.usage.settle(holding, origin, Tokens(0, 1), 1)
    assert waiting.outcome is not None
    assert waiting.outcome.code is None


@on_sqlite
def test_a_run_that_waited_in_vain_ends(
    stage: Stage, core: Core, admin: User, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "BUDGET_WAIT_SECONDS", 0.3)
    run = stage.queued()
    _budget(core, admin, 30_000)
    core.usage.open_call(_origin(stage, run.id), Tokens(0, 3000), OWN_PRICE)
    assert stage.execute(run).code == "budget_exceeded"
    assert fake.requests == []


@on_sqlite
def test_a_run_that_waits_for_room_obeys_its_cancellation(stage: Stage, core: Core, admin: User) -> None:
    run = stage.queued()
    _budget(core, admin, 30_000)
    core.usage.open_call(_origin(stage, run.id), Tokens(0, 3000), OWN_PRICE)
    with in_background(lambda: stage.execute(run)) as waiting:
        wait_until(lambda: stage.controls.run_ids() == [run.id], 30, "the node to begin")
        threading.Event().wait(0.4)
        stage.controls.stop_run(run.id, "cancelled")
    assert waiting.outcome is not None
    assert waiting.outcome.code == "cancelled"


def _origin(stage: Stage, run_id: str) -> CallOrigin:
    facts: dict[str, Any] = {"agent_id": None, "department": None, "key_id": stage.key.id}
    return CallOrigin(
        run_id, "other", user_id=stage.alice.id, provider="openai_compatible", model="fake-1", **facts
    )
