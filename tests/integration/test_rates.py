"""Model calls against limits a minute: never one too many, and whoever has to wait waits well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from core.accounts.models import User
from core.bootstrap import Core
from core.db import Database
from core.db.tables import quota_windows
from core.engine import gate as gates
from core.engine.control import RunControl, Stopped
from core.engine.gate import RateGate
from core.engine.metering import NodeMeter
from core.errors import BadKey
from core.keys.models import KeyDraft
from core.llm.pricing import Tokens
from core.quotas.failures import RateLimitReached, RateLimitTooSmall
from core.quotas.models import EVERY, Allowance, Use
from core.quotas.rates import Rates
from core.quotas.window import Window
from core.usage.models import CallOrigin
from tests.support.stopped_clock import StoppedClock
from tests.support.worker import wait_until

BOUND = Tokens(90, 10)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(gates, "LONGEST_WAIT_SECONDS", 0.02)


def call_of(user: str = "user_1", key: str = "key_1", department: str | None = "hr") -> CallOrigin:
    return CallOrigin("run_1", "agent", None, user, department, key, "openai", "gpt-4o")


def outcome(rates: Rates, origin: CallOrigin, tokens: int) -> Use | None:
    try:
        return rates.take(origin, tokens)
    except RateLimitReached:
        return None


def used(core: Core, scope: str, scope_id: str) -> tuple[int, int]:
    """Return requests and tokens in a window."""
    where = (quota_windows.c.scope == scope, quota_windows.c.scope_id == scope_id)
    with core.db.read() as connection:
        window = Window.load(connection.execute(select(quota_windows.c.slots).where(*where)).scalar_one())
    return window.requests, window.tokens


def test_without_a_rule_nothing_is_counted(core: Core, root: User) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(concurrent_runs=1))
    assert core.rates.take(call_of(), 10**9) == Use(0)
    with core.db.read() as connection:
        assert connection.execute(select(func.count()).select_from(quota_windows)).scalar_one() == 0


@pytest.mark.parametrize("allowance", [Allowance(requests_per_minute=20), Allowance(tokens_per_minute=2_099)])
def test_eight_at_once_never_pass_a_limit(core: Core, root: User, time: StoppedClock, allowance: Allowance) -> None:
    core.quotas.put(root, "department", "hr", allowance)
    core.quotas.put(root, "key", EVERY, Allowance(requests_per_minute=1_000))
    databases = [Database(core.db.url) for _ in range(8)]  # as eight workers have them

    def hammer(number: int) -> int:
        rates = Rates(databases[number])
        # Two windows each, asked for in either order.
        found = [outcome(rates, call_of(f"user_{number}", f"key_{(number + n) % 2}"), 100) for n in range(6)]
        return sum(use is not None for use in found)

    try:
        with ThreadPoolExecutor(8) as pool:
            passed = sum(pool.map(hammer, range(8)))
    finally:
        for database in databases:
            database.dispose()
    assert passed == 20
    assert used(core, "department", "hr") == (20, 2_000)
    # A call that one limit refused is counted nowhere.
    assert used(core, "key", "key_0")[0] + used(core, "key", "key_1")[0] == 20
    time.advance(seconds=61)
    assert outcome(core.rates, call_of(), 100) is not None


def test_the_limit_that_has_room_last_is_named(core: Core, root: User, time: StoppedClock) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(requests_per_minute=1))
    core.rates.take(call_of(), 1)
    time.advance(seconds=30)
    core.quotas.put(root, "key", EVERY, Allowance(tokens_per_minute=1_500))
    core.rates.take(call_of(user="user_2"), 1_000)
    with pytest.raises(RateLimitReached) as caught:
        core.rates.take(call_of(), 501)
    assert caught.value.limit == "this key's limit of 1,500 tokens a minute"
    assert 59 < caught.value.wait_seconds <= 61
    with pytest.raises(RateLimitReached) as caught:
        core.rates.take(call_of(), 500)
    assert caught.value.limit == "your limit of 1 request a minute"
    assert 29 < caught.value.wait_seconds <= 31


def test_tokens_are_put_right_when_a_call_has_ended(core: Core, root: User, time: StoppedClock) -> None:
    core.quotas.put(root, "key", EVERY, Allowance(10, 1_000))
    use = core.rates.take(call_of(), 900)
    assert outcome(core.rates, call_of(), 200) is None
    time.advance(seconds=5)
    core.rates.settle(use, 150)
    assert used(core, "key", "key_1") == (1, 150)
    second = core.rates.take(call_of(), 800)
    core.rates.settle(second, 1_100)  # more than it said: the limit is passed by this one call and then closed
    assert used(core, "key", "key_1") == (2, 1_250)
    assert outcome(core.rates, call_of(), 1) is None
    core.rates.give_back(second)
    assert used(core, "key", "key_1")[0] == 1
    time.advance(minutes=2)
    third = core.rates.take(call_of(), 1_000)
    core.rates.settle(use, 0)  # long gone: the window of now is not touched
    assert used(core, "key", "key_1") == (1, 1_000)
    assert third.tokens == 1_000


def test_what_a_dead_worker_counted_leaves_with_the_minute(core: Core, root: User, time: StoppedClock) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(1, 100))
    core.rates.take(call_of(), 100)  # and nobody ever settles it
    time.advance(seconds=59)
    assert outcome(core.rates, call_of(), 100) is None
    time.advance(seconds=2)
    assert outcome(core.rates, call_of(), 100) is not None
    time.advance(hours=1)
    assert core.rates.forget_old(500) == 1
    assert core.rates.forget_old(500) == 0


class Node:
    """One node of one real run, metered as the engine does it."""

    def __init__(self, core: Core, alice: User) -> None:
        self.core = core
        self.alice = alice
        key = core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
        fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "m"}
        self.run = core.runs.start_agent_run(alice, core.agents.create(alice, fields).id, "x")
        self.origin = CallOrigin(self.run.id, "agent", None, alice.id, "hr", key.id, "openai", "gpt-4o")
        self.control = RunControl(self.run.id, 3_600)

    def meter(self) -> NodeMeter:
        gate = RateGate(self.core.rates, self.core.journal, self.origin, self.control)
        return NodeMeter(self.core.usage, self.core.journal, self.origin, None, self.control, gate)

    def waits(self) -> list[object]:
        events = self.core.runs.events(self.alice, self.run.id)
        return [event.data["limit"] for event in events if event.kind == "model_call_waiting"]

    def calls(self) -> list[str]:
        return [call.status for call in self.core.runs.model_calls(self.alice, self.run.id)]

    def begin_behind(self, act: Callable[[], object]) -> Iterator[object]:
        """Begin a call that has to wait, in a thread; ``act`` once it waits. Yields its outcome."""
        outcomes: list[object] = []

        def begin() -> None:
            try:
                outcomes.append(self.meter().begin(BOUND))
            except Stopped as error:
                outcomes.append(error)

        thread = threading.Thread(target=begin)
        thread.start()
        wait_until(self.waits, 60, "the call to wait")
        act()
        thread.join(60)
        assert not thread.is_alive()
        yield from outcomes


@pytest.fixture
def node(core: Core, alice: User, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(core.runs.dispatch._queue, "enqueue", lambda *_: None)
    return Node(core, alice)


def test_a_call_over_the_limit_waits_says_so_once_and_goes(
    core: Core, root: User, node: Node, time: StoppedClock
) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(requests_per_minute=1))
    node.meter().begin(BOUND).answered(Tokens(50, 5))
    (call,) = node.begin_behind(lambda: time.advance(seconds=61))
    assert not isinstance(call, BaseException)
    assert node.waits() == ["your limit of 1 request a minute"]
    assert node.calls() == ["answered", "open"]


def test_a_cancelled_run_stops_waiting(core: Core, root: User, node: Node, time: StoppedClock) -> None:
    core.quotas.put(root, "key", EVERY, Allowance(tokens_per_minute=150))
    node.meter().begin(BOUND)
    (stop,) = node.begin_behind(lambda: node.control.stop("cancelled"))
    assert isinstance(stop, Stopped)
    assert stop.error.code == "cancelled"
    assert node.calls() == ["open"]
    assert used(core, "key", node.origin.key_id) == (1, 100)


def test_a_node_whose_time_is_over_says_what_it_waited_for(
    core: Core, root: User, node: Node, time: StoppedClock
) -> None:
    core.quotas.put(root, "department", "hr", Allowance(requests_per_minute=1))
    node.meter().begin(BOUND)
    (error,) = node.begin_behind(lambda: node.control.stop("timeout"))
    assert isinstance(error, Stopped)
    assert error.error.code == "rate_limit_timeout"
    assert "your department's limit of 1 request a minute" in error.error.sentence


def test_a_call_that_never_fits_fails_at_once(core: Core, root: User, node: Node) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(tokens_per_minute=99))
    with pytest.raises(RateLimitTooSmall) as caught:
        node.meter().begin(BOUND)
    assert caught.value.code == "rate_limit_too_small"
    assert caught.value.sentence.startswith("This call may need 100 tokens, which never fit into your limit of 99 ")
    assert (node.calls(), node.waits()) == ([], [])


def test_what_a_call_really_used_is_what_counts(core: Core, root: User, node: Node, time: StoppedClock) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(100, 10_000))
    meter = node.meter()
    meter.begin(BOUND).answered(Tokens(40, 5))
    assert used(core, "person", node.alice.id) == (1, 45)
    meter.begin(BOUND).failed(BadKey())  # it cost nothing, but it was a request
    assert used(core, "person", node.alice.id) == (2, 45)
    meter.begin(BOUND).answered(None)  # nobody said what it used: it counts at its bound
    assert used(core, "person", node.alice.id) == (3, 145)


def test_a_call_that_a_budget_refuses_is_not_counted(
    core: Core, root: User, node: Node, time: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.quotas.put(root, "person", EVERY, Allowance(100, 10_000))

    def refuse(*_: object) -> str:
        raise BadKey

    monkeypatch.setattr(core.usage, "open_call", refuse)
    with pytest.raises(BadKey):
        node.meter().begin(BOUND)
    assert used(core, "person", node.alice.id) == (0, 0)
