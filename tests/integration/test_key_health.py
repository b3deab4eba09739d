"""Who looks after a key sees how it does, to the call and the micro-dollar; others see what is theirs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update

from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.db.tables import keys as keys_table
from core.db.tables import model_calls
from core.errors import Forbidden, NotFound
from core.keys.models import Key, KeyDraft
from core.llm.pricing import OwnPrice, Tokens
from core.runs.queue import RunQueue
from core.sharing.models import EVERYONE, Grantee
from core.usage.models import CallErrors, CallOrigin, Totals
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock

PRICE = OwnPrice(1_000_000, 2_000_000)  # one and two micro-dollars a token
BOUND = Tokens(1000, 100)


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is executed here."""
    monkeypatch.setattr(RunQueue, "enqueue", lambda *_: None)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = stopped.moment.replace(hour=12, minute=0, second=0, microsecond=0)
    return stopped


@pytest.fixture
def key(core: Core, alice: User) -> Key:
    return add_key(core, alice)


def proven(user: User) -> User:
    return replace(user, proved_at=clock.now())


def add_key(core: Core, owner: User, name: str = "Mine") -> Key:
    return core.keys.add(proven(owner), KeyDraft(name, "openai", "zk-Secret-0123456789"))


def add_agent(core: Core, owner: User, key: Key, name: str = "Clerk") -> Agent:
    fields = {"name": name, "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    return core.agents.create(owner, fields)


def origin_of(core: Core, person: User, key: Key) -> CallOrigin:
    run = core.runs.start_agent_run(person, add_agent(core, person, key).id, "x")
    return CallOrigin(run.id, "agent", run.agent_id, person.id, "hr", key.id, "openai", "gpt-4o")


def book(core: Core, origin: CallOrigin, outcome: str, tokens: int = 1, own: OwnPrice | None = PRICE) -> None:
    """Book one call: answered, interrupted, or failed with a code."""
    call_id = core.usage.open_call(origin, BOUND, own)
    if outcome == "answered":
        core.usage.settle(call_id, origin, Tokens(tokens, 0), 1)
    elif outcome == "interrupted":
        core.usage.interrupt(call_id, origin, Tokens(tokens, 0), 1)
    elif outcome != "open":
        core.usage.fail(call_id, outcome, 1)


def test_the_use_of_a_key_is_exact_to_the_day_and_the_micro_dollar(
    core: Core, alice: User, key: Key, time: StoppedClock
) -> None:
    origin = origin_of(core, alice, key)
    today = time.moment
    for days_ago, outcome, tokens in [
        (30, "answered", 500_000),  # a day too old
        (29, "answered", 100),
        (7, "answered", 20),
        (6, "answered", 3),
        (6, "rate_limited", 0),
        (0, "interrupted", 4),
        (0, "rate_limited", 0),
        (0, "timeout", 0),
        (0, "open", 0),
    ]:
        time.moment = today - timedelta(days=days_ago)
        book(core, origin, outcome, tokens)
    time.moment = today
    unpriced = replace(origin, model="a-model-of-tomorrow")
    book(core, unpriced, "answered", 7, own=None)
    health = core.key_health.get(alice, key.id)
    use = health.use
    assert [day.day for day in use.days] == [today.date() - timedelta(days=ago) for ago in reversed(range(30))]
    assert use.totals(7) == Totals(3, 14, 0, 7, 1)
    assert use.totals(30) == Totals(5, 134, 0, 127, 1)
    assert (use.days[0].totals.cost_micros, use.days[1].totals.calls) == (100, 0)
    assert (use.days[-1].failed, use.days[-1].totals.calls) == (2, 2)
    assert (use.failed, use.error_rate) == (3, 3 / 8)
    assert use.errors == (CallErrors("rate_limited", 2, today), CallErrors("timeout", 1, today))
    assert health.usual_error == "The provider asks us to slow down. Please try again in a minute."
    assert use.last_at == use.last_answered_at == today


def test_a_key_that_was_never_used_has_no_error_rate(core: Core, alice: User, key: Key) -> None:
    health = core.key_health.get(alice, key.id)
    assert (health.use.error_rate, health.use.totals(30), health.usual_error) == (None, Totals(), "")
    assert (health.state, health.trouble, health.last_used_at, health.is_metered) == ("untested", "", None, True)
    assert len(health.use.days) == 30


@pytest.mark.parametrize("seed", [1, 2])
def test_sums_and_error_rates_equal_a_recount(core: Core, cast: Cast, time: StoppedClock, seed: int) -> None:
    chance = random.Random(seed)
    keys = [add_key(core, cast.alice, f"K{n}") for n in range(3)]
    for key in keys:
        core.sharing.grant(proven(cast.alice), "key", key.id, EVERYONE, "run")
    origins = [(key, who, origin_of(core, who, key)) for key in keys for who in (cast.alice, cast.bob)]
    now, booked = time.moment, []
    for _ in range(120):
        key, who, origin = chance.choice(origins)
        outcome = chance.choice(["answered", "answered", "interrupted", "bad_key", "timeout", "quota"])
        ago = timedelta(seconds=chance.randrange(33 * 86_400))
        time.moment, tokens = now - ago, chance.randrange(1, 10**6)
        book(core, origin, outcome, tokens)
        booked.append((key.id, who.id, (now - ago).date(), outcome, tokens))
    time.moment = now
    first = now.date() - timedelta(days=29)
    for actor in (cast.alice, cast.bob):
        for health in core.key_health.list(actor):
            mine = [
                (day, outcome, tokens)
                for key_id, user_id, day, outcome, tokens in booked
                if key_id == health.key.id and day >= first and actor.id in (cast.alice.id, user_id)
            ]
            good = [(day, tokens) for day, outcome, tokens in mine if outcome in ("answered", "interrupted")]
            errors = Counter(outcome for _, outcome, _ in mine if outcome not in ("answered", "interrupted"))
            for days in (7, 30):
                since = now.date() - timedelta(days=days - 1)
                sums = [tokens for day, tokens in good if day >= since]
                assert health.use.totals(days) == Totals(len(sums), sum(sums), 0, sum(sums), 0)
            by_day: Counter[date] = Counter()
            for day, tokens in good:
                by_day[day] += tokens
            assert {d.day: d.totals.cost_micros for d in health.use.days if d.totals.calls} == by_day
            assert {error.code: error.count for error in health.use.errors} == errors
            counts = [error.count for error in health.use.errors]
            assert counts == sorted(counts, reverse=True)
            assert health.use.error_rate == (errors.total() / len(mine) if mine else None)


def test_whom_a_key_is_shared_with_sees_their_own_calls_and_agents_only(
    core: Core, cast: Cast, key: Key, time: StoppedClock
) -> None:
    core.sharing.grant(proven(cast.alice), "key", key.id, Grantee("person", cast.bob.id), "run")
    hers, his = origin_of(core, cast.alice, key), origin_of(core, cast.bob, key)
    book(core, hers, "answered", 100)
    book(core, hers, "bad_key")
    book(core, his, "answered", 7)
    core.keys.note_use(key.id)
    time.advance(seconds=1)
    seen = {who.name: core.key_health.get(who, key.id) for who in (cast.alice, cast.bob)}
    assert seen["Alice"].use.totals(30).cost_micros == 107
    assert seen["Bob"].use.totals(30).cost_micros == 7
    assert (seen["Alice"].use.failed, seen["Bob"].use.failed) == (1, 0)
    assert {one.owner_name for one in seen["Alice"].dependents} == {"Alice", "Bob"}
    assert [one.owner_name for one in seen["Bob"].dependents] == ["Bob"]
    assert [share.name for share in seen["Alice"].shares] == ["Bob"]
    assert seen["Bob"].shares == ()
    assert (seen["Alice"].is_looked_after, seen["Bob"].is_looked_after) == (True, False)
    assert core.key_health.list(cast.bob) == [seen["Bob"]]
    assert core.key_health.list(cast.charlie) == core.key_health.alarms(cast.bob) == []
    with pytest.raises(Forbidden):
        core.key_health.what_breaks(cast.bob, key.id)


def test_administrators_look_after_the_organisations_keys(
    core: Core, alice: User, root: User, key: Key, time: StoppedClock
) -> None:
    book(core, origin_of(core, alice, key), "answered", 9)
    with pytest.raises(NotFound):
        core.key_health.get(root, key.id)
    with core.db.transaction() as connection:
        connection.execute(update(keys_table).where(keys_table.c.id == key.id).values(is_pool=True))
    health = core.key_health.get(root, key.id)
    assert (health.use.totals(7).cost_micros, health.key.hint, health.key.access.owner_name) == (
        9,
        key.hint,
        "Alice",
    )
    core.key_care.disable(proven(root), key.id)
    assert core.key_health.get(alice, key.id).state == "disabled"


STRANGE: dict[str, Callable[[Core, User, str], object]] = {
    "health": lambda core, actor, key_id: core.key_health.get(actor, key_id),
    "what breaks": lambda core, actor, key_id: core.key_health.what_breaks(actor, key_id),
    "disable": lambda core, actor, key_id: core.key_care.disable(actor, key_id),
    "enable": lambda core, actor, key_id: core.key_care.enable(actor, key_id),
    "expiry": lambda core, actor, key_id: core.key_care.set_expiry(actor, key_id, None),
}


def test_charlie_learns_nothing_of_alices_key(core: Core, cast: Cast, key: Key) -> None:
    for name, reach in STRANGE.items():
        for key_id in (key.id, "key_made_up", "", "key\x00"):
            with pytest.raises(NotFound) as caught:
                reach(core, cast.charlie, key_id)
            assert caught.value.sentence == "This key does not exist, or it is not yours.", name
    assert core.key_health.get(cast.alice, key.id).state == "untested"


@pytest.mark.parametrize("level", ["view", "run", "edit"])
def test_whom_a_key_is_shared_with_cannot_disable_it(core: Core, cast: Cast, key: Key, level: Any) -> None:
    core.sharing.grant(cast.alice, "key", key.id, EVERYONE, level)
    for name, reach in STRANGE.items():
        if name != "health":
            with pytest.raises(Forbidden):
                reach(core, cast.bob, key.id)
    assert core.keys.get(cast.alice, key.id).disabled_at is None


def test_a_long_list_takes_as_many_statements_as_a_short_one(core: Core, cast: Cast) -> None:
    def fill(count: int) -> None:
        for number in range(count):
            for owner in (cast.alice, cast.bob):
                made = add_key(core, owner, clock.new_id(f"{number}"))
                core.sharing.grant(proven(owner), "key", made.id, EVERYONE, "run")
                add_agent(core, owner, made)

    fill(2)
    with statements(core) as few:
        assert len(core.key_health.list(cast.alice)) == 4
    fill(23)
    with statements(core) as many:
        assert len(core.key_health.list(cast.alice)) == 50
    assert len(many) == len(few) <= 10


@contextmanager
def statements(core: Core) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, values))

    engine = core.db._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_the_sums_of_a_key_are_found_by_key_and_time(core: Core, cast: Cast, key: Key) -> None:
    origin = origin_of(core, cast.alice, key)
    book(core, origin, "answered")
    keys = [key.id, *(add_key(core, cast.alice, f"K{n}").id for n in range(9))]
    with core.db.transaction() as connection:
        one = dict(connection.execute(select(model_calls)).mappings().one())
        rows = [
            {**one, "id": f"call_{n}", "key_id": keys[n // 500], "started_at": clock.now() - timedelta(minutes=n)}
            for n in range(5000)
        ]
        connection.execute(insert(model_calls), rows)
    with core.db.transaction() as connection:
        connection.execute(text("ANALYZE"))
    with statements(core) as asked:
        assert core.usage.of_keys([key.id])[key.id].totals(30).calls == 501
    sums = [(statement, values) for statement, values in asked if "GROUP BY" in statement]
    assert len(sums) == 2
    explain = "EXPLAIN QUERY PLAN" if core.db.is_sqlite else "EXPLAIN"
    with core.db.read() as connection:
        for statement, values in sums:
            plan = connection.exec_driver_sql(f"{explain} {statement}", values).all()
            assert "ix_model_calls_key_started" in str(plan)
