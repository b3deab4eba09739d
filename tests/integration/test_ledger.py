"""What a call may cost is held in every budget it falls under before it is sent, and settled after it, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core.accounts.models import User
from core.bootstrap import Core
from core.budgets.failures import BudgetBusy, BudgetExceeded
from core.budgets.models import BudgetState, Period, Scope
from core.keys.models import KeyDraft
from core.llm.pricing import OwnPrice, Tokens
from core.usage.models import CallOrigin
from tests.support.mailbox import MemoryTransport
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, runs_with

PRICE = OwnPrice(1_000_000, 2_000_000)  # one and two micro-dollars a token
BOUND = Tokens(600, 200)  # 1,000 micro-dollars
MOST = 1000


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = stopped.moment.replace(hour=12)
    return stopped


@pytest.fixture
def admin(root: User, time: StoppedClock) -> User:
    return root.proven(time())


@pytest.fixture
def origin(core: Core, alice: User, time: StoppedClock) -> CallOrigin:
    actor = alice.proven(time())
    key = core.keys.add(actor, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
    agent = core.agents.create(actor, fields)
    run = runs_with(core, StubQueue()).start_agent_run(actor, agent.id, "x")
    return CallOrigin(run.id, "agent", agent.id, actor.id, "hr", key.id, "openai", "m")


def _budget(
    core: Core, admin: User, scope: Scope, scope_id: str, limit: int, period: Period = "month"
) -> BudgetState:
    return core.budgets.add(admin, scope, scope_id, period, limit)


def _used(core: Core, admin: User, state: BudgetState) -> tuple[int, int]:
    found = core.budgets.get(admin, state.budget.id)
    return found.spent_micros, found.reserved_micros


def test_a_call_is_held_at_its_bound_and_settled_at_its_cost(core: Core, admin: User, origin: CallOrigin) -> None:
    budgets = [
        _budget(core, admin, "organisation", "", 10_000),
        _budget(core, admin, "department", "hr", 10_000),
        _budget(core, admin, "person", origin.user_id, 10_000, "day"),
        _budget(core, admin, "key", origin.key_id, 10_000),
        _budget(core, admin, "agent", origin.agent_id or "", 10_000),
    ]
    other = _budget(core, admin, "department", "sales", 10_000)
    call_id = core.usage.open_call(origin, BOUND, PRICE)
    assert {_used(core, admin, budget) for budget in budgets} == {(0, MOST)}
    core.usage.settle(call_id, origin, Tokens(100, 50), 5)
    assert {_used(core, admin, budget) for budget in budgets} == {(200, 0)}
    core.usage.settle(call_id, origin, Tokens(100, 50), 5)
    assert {_used(core, admin, budget) for budget in budgets} == {(200, 0)}
    assert _used(core, admin, other) == (0, 0)


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        ("organisation", "the organisation's monthly budget of $0.000999"),
        ("department", "your department's monthly budget of $0.000999"),
        ("person", "your monthly budget of $0.000999"),
        ("key", "this key's monthly budget of $0.000999"),
        ("agent", "this agent's monthly budget of $0.000999"),
    ],
)
def test_a_call_that_may_cost_too_much_is_not_sent(
    core: Core, admin: User, origin: CallOrigin, scope: Scope, sentence: str
) -> None:
    ids = {
        "organisation": "",
        "department": "hr",
        "person": origin.user_id,
        "key": origin.key_id,
        "agent": origin.agent_id or "",
    }
    wide = _budget(core, admin, "organisation", "", 10_000, "day")
    tight = _budget(core, admin, scope, ids[scope], MOST - 1)
    with pytest.raises(BudgetExceeded, match=sentence.replace("$", r"\$").replace(".", r"\.")) as refused:
        core.usage.open_call(origin, BOUND, PRICE)
    assert (refused.value.code, refused.value.retryable) == ("budget_exceeded", False)
    assert (_used(core, admin, wide), _used(core, admin, tight)) == ((0, 0), (0, 0))
    assert core.usage.calls_of_run(origin.run_id) == []


def test_a_call_waits_where_only_others_under_way_stand_in_its_way(
    core: Core, admin: User, origin: CallOrigin
) -> None:
    budget = _budget(core, admin, "department", "hr", 1500)
    first = core.usage.open_call(origin, BOUND, PRICE)
    with pytest.raises(BudgetBusy) as busy:
        core.usage.open_call(origin, BOUND, PRICE)
    assert busy.value.retryable
    core.usage.settle(first, origin, Tokens(100, 50), 5)
    second = core.usage.open_call(origin, BOUND, PRICE)
    core.usage.fail(second, "bad_key", 1)
    assert _used(core, admin, budget) == (200, 0)


def test_a_provider_that_bills_beyond_the_bound_closes_the_budget(
    core: Core, admin: User, origin: CallOrigin
) -> None:
    budget = _budget(core, admin, "department", "hr", 1500)
    call_id = core.usage.open_call(origin, BOUND, PRICE)
    core.usage.settle(call_id, origin, Tokens(5000, 5000), 5)
    assert _used(core, admin, budget) == (15_000, 0)
    with pytest.raises(BudgetExceeded):
        core.usage.open_call(origin, Tokens(1, 0), PRICE)
    assert core.budgets.get(admin, budget.budget.id).left_micros == 0


def test_a_new_budget_counts_what_was_spent_before_it(core: Core, admin: User, origin: CallOrigin) -> None:
    core.usage.settle(core.usage.open_call(origin, BOUND, PRICE), origin, Tokens(100, 50), 5)
    under_way = core.usage.open_call(origin, BOUND, PRICE)
    budget = _budget(core, admin, "department", "hr", 10_000)
    assert budget.spent_micros == 200
    third = core.usage.open_call(origin, BOUND, PRICE)
    assert _used(core, admin, budget) == (200, MOST)
    core.usage.settle(under_way, origin, Tokens(10, 5), 5)
    core.usage.settle(third, origin, Tokens(1, 1), 5)
    assert _used(core, admin, budget) == (223, 0)


def test_a_day_and_a_month_begin_empty_and_a_call_counts_where_it_was_sent(
    core: Core, admin: User, origin: CallOrigin, time: StoppedClock
) -> None:
    time.moment = time.moment.replace(year=2026, month=11, day=30, hour=23, minute=59)
    admin = replace(admin, proved_at=time())
    day = _budget(core, admin, "department", "hr", 1000, "day")
    month = _budget(core, admin, "department", "hr", 2200)
    late = core.usage.open_call(origin, BOUND, PRICE)
    time.moment += timedelta(minutes=2)
    assert (_used(core, admin, day), _used(core, admin, month)) == ((0, 0), (0, 0))
    early = core.usage.open_call(origin, BOUND, PRICE)
    core.usage.settle(late, origin, Tokens(400, 200), 5)
    core.usage.settle(early, origin, Tokens(100, 50), 5)
    assert (_used(core, admin, day), _used(core, admin, month)) == ((200, 0), (200, 0))
    time.moment -= timedelta(minutes=2)
    assert (_used(core, admin, day), _used(core, admin, month)) == ((800, 0), (800, 0))


def test_what_a_dead_worker_held_is_booked_at_its_bound_when_the_lease_is_over(
    core: Core, admin: User, origin: CallOrigin, time: StoppedClock
) -> None:
    budget = _budget(core, admin, "department", "hr", 10_000)
    call_id = core.usage.open_call(origin, BOUND, PRICE, lease=timedelta(minutes=5))
    due_at = time() + timedelta(minutes=5)
    assert (core.usage.next_lease_end(), core.usage.interrupt_expired()) == (due_at, 0)
    time.moment = due_at + timedelta(seconds=1)
    assert core.work_is_waiting()
    assert core.usage.interrupt_expired() == 1
    assert (_used(core, admin, budget), core.usage.next_lease_end()) == ((MOST, 0), None)
    (call,) = core.usage.calls_of_run(origin.run_id)
    assert (call.status, call.input_tokens, call.output_tokens, call.cost_micros) == ("interrupted", 600, 200, MOST)
    assert call.price_version == "own price"
    core.usage.settle(call_id, origin, Tokens(1, 1), 5)  # it was alive after all
    assert _used(core, admin, budget) == (MOST, 0)


def test_an_answer_without_a_count_leaves_the_budget_at_the_bound(
    core: Core, admin: User, origin: CallOrigin
) -> None:
    budget = _budget(core, admin, "department", "hr", 10_000)
    core.usage.settle(core.usage.open_call(origin, BOUND, PRICE), origin, None, 5)
    assert _used(core, admin, budget) == (MOST, 0)


def test_a_run_has_a_limit_of_its_own(core: Core, alice: User, origin: CallOrigin) -> None:
    agent_id = origin.agent_id or ""
    run = runs_with(core, StubQueue()).start_agent_run(alice, agent_id, "x", budget_micros=1500)
    of_run = replace(origin, run_id=run.id)
    assert core.runs.get(alice, run.id).budget_micros == 1500
    assert core.runs.get(alice, origin.run_id).budget_micros is None
    core.usage.settle(core.usage.open_call(of_run, BOUND, PRICE), of_run, Tokens(400, 200), 5)
    with pytest.raises(BudgetExceeded, match=r"this run's budget of \$0\.0015\. Start it again"):
        core.usage.open_call(of_run, BOUND, PRICE)
    core.usage.open_call(origin, BOUND, PRICE)
    assert core.budgets.list(alice) == []


def test_a_changed_limit_holds_from_the_next_call_on_and_a_deleted_one_no_more(
    core: Core, admin: User, origin: CallOrigin
) -> None:
    budget = _budget(core, admin, "department", "hr", MOST)
    call_id = core.usage.open_call(origin, BOUND, PRICE)
    core.budgets.change(admin, budget.budget.id, 0)
    core.usage.settle(call_id, origin, Tokens(100, 50), 5)
    with pytest.raises(BudgetExceeded):
        core.usage.open_call(origin, BOUND, PRICE)
    core.usage.open_call(origin, Tokens(0, 0), PRICE)  # nothing costs nothing
    core.budgets.change(admin, budget.budget.id, 5000)
    under_way = core.usage.open_call(origin, BOUND, PRICE)
    core.budgets.delete(admin, budget.budget.id)
    core.usage.settle(under_way, origin, Tokens(100, 50), 5)
    core.usage.open_call(origin, Tokens(10**6, 10**6), PRICE)


def test_each_mark_is_told_once_by_mail_to_those_who_can_act(
    core: Core, admin: User, alice: User, origin: CallOrigin, post: MemoryTransport
) -> None:
    budget = _budget(core, admin, "person", alice.id, 2000)
    spent = [
        Tokens(500, 0),
        Tokens(400, 0),
        Tokens(100, 0),
        Tokens(600, 0),
        Tokens(400, 0),
    ]  # 500 900 1000 1600 2000
    for tokens in spent:
        core.usage.settle(core.usage.open_call(origin, Tokens(tokens.input, 0), PRICE), origin, tokens, 5)
    while core.outbox.deliver_next():
        pass
    subjects = [(mail.recipient, mail.subject) for mail in post.sent if "budget" in mail.subject]
    assert sorted(subjects) == sorted(
        (to, f"{percent} % of {whose} monthly budget{of} is used")
        for percent in (50, 80, 100)
        for to, whose, of in ((alice.email, "your", ""), (admin.email, "the", " of Alice"))
    )
    assert [state.share for state in core.budgets.near_limit(alice)] == [1.0]
    assert budget.share == 0
