"""Every call is booked once: opened before it is sent, settled once, counted for its owner only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import Forbidden
from core.keys.models import KeyDraft
from core.llm.pricing import Cost, OwnPrice, Tokens
from core.prices.catalogue import published
from core.usage.models import CallOrigin, DayTotals, Totals
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, runs_with

BOUND = Tokens(1000, 200)
PRICE = OwnPrice(1_000_000, 2_000_000)  # one and two micro-dollars a token


def _origin(core: Core, owner: User, node_id: str = "agent") -> CallOrigin:
    owner = replace(owner, proved_at=clock.now())
    key = core.keys.add(owner, KeyDraft(f"K{len(core.keys.list(owner))}", "openai", "zk-Secret-0123456789"))
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    agent = core.agents.create(owner, fields)
    run = runs_with(core, StubQueue()).start_agent_run(owner, agent.id, "x")
    return CallOrigin(run.id, node_id, agent.id, owner.id, "hr", key.id, "openai", "gpt-4o")


@pytest.fixture
def origin(core: Core, alice: User) -> CallOrigin:
    return _origin(core, alice)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = stopped.moment.replace(hour=12)
    return stopped


def _all(core: Core, actor: User, time: StoppedClock) -> Totals:
    return core.usage.totals(actor, time() - timedelta(days=400), time() + timedelta(seconds=1))


def test_an_open_call_is_in_the_books_and_counts_nothing_yet(
    core: Core, alice: User, origin: CallOrigin, time: StoppedClock
) -> None:
    core.usage.open_call(origin, BOUND)
    (call,) = core.usage.calls_of_run(origin.run_id)
    assert (call.status, call.cost_micros, call.started_at) == ("open", None, time())
    assert _all(core, alice, time) == Totals()


def test_a_call_settled_twice_is_counted_once(
    core: Core, alice: User, origin: CallOrigin, time: StoppedClock
) -> None:
    call_id = core.usage.open_call(origin, BOUND)
    cost = core.usage.settle(call_id, origin, Tokens(100, 20, 10), 321)
    assert cost == published("openai", "gpt-4o", time()).cost_of(Tokens(100, 20, 10))
    core.usage.settle(call_id, origin, Tokens(999, 999), 1)
    core.usage.interrupt(call_id, origin, BOUND, 1)
    core.usage.fail(call_id, "timeout", 1)
    (call,) = core.usage.calls_of_run(origin.run_id)
    assert (call.status, call.input_tokens, call.output_tokens, call.cached_tokens) == ("answered", 100, 20, 10)
    assert (call.cost_micros, call.price_version, call.duration_ms) == (cost.micros, cost.version, 321)
    assert _all(core, alice, time) == Totals(1, 100, 20, cost.micros or 0, 0)


def test_a_call_cut_off_half_way_is_counted_at_its_bound(
    core: Core, alice: User, origin: CallOrigin, time: StoppedClock
) -> None:
    call_id = core.usage.open_call(origin, BOUND, PRICE)
    assert core.usage.interrupt(call_id, origin, BOUND, 5) == Cost(1400, "own price")
    core.usage.settle(call_id, origin, Tokens(1, 1), 6)
    assert core.usage.calls_of_run(origin.run_id)[0].status == "interrupted"
    assert _all(core, alice, time) == Totals(1, 1000, 200, 1400, 0)


def test_a_refused_call_costs_nothing(core: Core, alice: User, origin: CallOrigin, time: StoppedClock) -> None:
    core.usage.fail(core.usage.open_call(origin, BOUND), "bad_key", 5)
    (call,) = core.usage.calls_of_run(origin.run_id)
    assert (call.status, call.error_code, call.cost_micros) == ("failed", "bad_key", None)
    assert _all(core, alice, time) == Totals()


def test_calls_a_dead_worker_left_open_are_closed_at_their_bound(
    core: Core, alice: User, origin: CallOrigin, time: StoppedClock
) -> None:
    settled = core.usage.open_call(origin, BOUND, PRICE)
    core.usage.settle(settled, origin, Tokens(1, 1), 1)
    for node_id in ("agent", "agent", "other"):
        core.usage.open_call(replace(origin, node_id=node_id), BOUND, PRICE)
    left_open = core.usage.interrupt_left_open(origin.run_id, "agent")
    assert [cost.micros for cost in left_open] == [1400, 1400]
    assert core.usage.interrupt_left_open(origin.run_id, "agent") == []
    statuses = [call.status for call in core.usage.calls_of_run(origin.run_id)]
    assert sorted(statuses) == ["answered", "interrupted", "interrupted", "open"]
    assert _all(core, alice, time) == Totals(3, 2001, 401, 3 + 2 * 1400, 0)


def test_calls_without_a_known_price_are_counted_apart(
    core: Core, alice: User, origin: CallOrigin, time: StoppedClock
) -> None:
    unlisted = replace(origin, model="a-model-of-tomorrow")
    core.usage.settle(core.usage.open_call(unlisted, BOUND), unlisted, Tokens(10, 1), 1)
    core.usage.settle(core.usage.open_call(origin, BOUND, PRICE), origin, None, 1)
    only_unknown = _all(core, alice, time)
    assert only_unknown == Totals(2, 10, 1, 0, 2)
    assert only_unknown.known_cost_micros is None
    core.usage.settle(core.usage.open_call(origin, BOUND, PRICE), origin, Tokens(5, 1), 1)
    assert _all(core, alice, time) == Totals(3, 15, 2, 7, 2)
    assert _all(core, alice, time).known_cost_micros == 7


def test_sums_by_day_and_model_add_up_to_the_totals(
    core: Core, alice: User, origin: CallOrigin, time: StoppedClock
) -> None:
    first = time.moment = time.moment.replace(year=2026, month=3, day=1, hour=23, minute=59, second=59)
    calls = [("gpt-4o", 1), ("gpt-4o", 2), ("a-model-of-tomorrow", 3)]
    for _ in range(2):
        for model, tokens in calls:
            told = replace(origin, model=model)
            own = PRICE if model == "gpt-4o" else None
            core.usage.settle(core.usage.open_call(told, BOUND, own), told, Tokens(tokens, 0), 1)
        time.advance(seconds=2)
    until = first + timedelta(seconds=3)
    rows = core.usage.by_day_and_model(alice, first, until)
    day = [("a-model-of-tomorrow", Totals(1, 3, 0, 0, 1)), ("gpt-4o", Totals(2, 3, 0, 3, 0))]
    assert rows == [DayTotals(date(2026, 3, d), model, sums) for d in (1, 2) for model, sums in day]
    assert core.usage.totals(alice, first, until) == Totals(6, 12, 0, 6, 2)
    assert core.usage.totals(alice, first, first + timedelta(seconds=2)).calls == 3  # the end is left out
    assert core.usage.totals(alice, until, until + timedelta(days=1)) == Totals()
    recent = core.usage.recent(alice, first, until)
    assert [call.started_at for call in recent] == sorted((c.started_at for c in recent), reverse=True)
    assert len(recent) == 6


def test_charlie_never_sees_or_pays_for_alices_calls(
    core: Core, cast: Cast, origin: CallOrigin, time: StoppedClock
) -> None:
    his = _origin(core, cast.charlie)
    for told in (origin, his):
        core.usage.settle(core.usage.open_call(told, BOUND, PRICE), told, Tokens(7, 0), 1)
    window = (time() - timedelta(days=1), time() + timedelta(days=1))
    for actor, told in ((cast.alice, origin), (cast.charlie, his)):
        assert core.usage.totals(actor, *window) == Totals(1, 7, 0, 7, 0)
        assert [call.run_id for call in core.usage.recent(actor, *window)] == [told.run_id]
        assert [row.totals.calls for row in core.usage.by_day_and_model(actor, *window)] == [1]
        assert [run.totals.cost_micros for run in core.runs.list(actor)] == [7]
        assert [call.run_id for call in core.runs.model_calls(actor, told.run_id)] == [told.run_id]
    assert core.usage.totals(cast.bob, *window) == Totals()
    assert core.usage.of_runs([origin.run_id, "run_x"])["run_x"] == Totals()


def test_a_manager_sees_their_department_an_administrator_everybody_and_a_member_themselves(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    for owner, slug in ((cast.alice, "hr"), (cast.bob, "hr"), (cast.bob, "sales"), (cast.charlie, "sales")):
        booked = replace(_origin(core, owner), department=slug)
        core.usage.settle(core.usage.open_call(booked, BOUND, PRICE), booked, Tokens(100, 10), 5)
    window = (time() - timedelta(days=1), time() + timedelta(seconds=1))
    manager = replace(cast.charlie, role="manager", department="hr")
    admin = replace(cast.charlie, role="admin")
    assert [core.usage.totals(manager, *window, scope).calls for scope in ("mine", "department")] == [1, 2]
    assert core.usage.totals(admin, *window, "everybody").calls == 4
    people = core.usage.by_person(admin, *window, "everybody")
    assert [(p.name, p.totals.calls, p.totals.cost_micros) for p in people] == [
        ("Bob", 2, 240),
        ("Alice", 1, 120),
        ("Charlie", 1, 120),
    ]
    in_hr = core.usage.by_person(manager, *window, "department")
    assert [p.email for p in in_hr] == ["alice@example.com", "bob@example.com"]
    assert sum(day.totals.calls for day in core.usage.by_day_and_model(manager, *window, "department")) == 2
    assert core.usage.scopes(manager) == ["mine", "department"]
    assert core.usage.scopes(admin) == ["mine", "everybody"]
    assert core.usage.scopes(replace(cast.alice, department="hr")) == ["mine"]


@pytest.mark.parametrize("method", ["totals", "by_day_and_model", "by_person"])
@pytest.mark.parametrize(
    ("role", "department", "scope"),
    [
        ("member", "hr", "department"),
        ("viewer", "hr", "department"),
        ("manager", None, "department"),
        ("admin", None, "department"),
        ("manager", "hr", "everybody"),
        ("member", "hr", "everybody"),
        ("admin", "hr", "the moon"),
    ],
)
def test_nobody_sees_more_of_the_books_than_their_role_says(
    core: Core, alice: User, time: StoppedClock, method: str, role: Any, department: str | None, scope: str
) -> None:
    actor = replace(alice, role=role, department=department)
    with pytest.raises(Forbidden):
        getattr(core.usage, method)(actor, time(), time(), scope)
