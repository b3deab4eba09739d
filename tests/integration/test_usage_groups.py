"""Sums by any group equal the totals, whatever the time, and nobody reads more than they may."""

from __future__ import annotations

import runpy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from sqlalchemy import select, update

from core.accounts.models import User
from core.bootstrap import Core
from core.db.migrate import MIGRATIONS, downgrade, upgrade
from core.db.tables import usage_days
from core.errors import Forbidden
from core.usage.models import Group, Scope, Totals, sum_of
from tests.conftest import Cast
from tests.support.booked_calls import Books
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, runs_with

GROUPS: tuple[Group, ...] = get_args(Group)
FIRST = datetime(2026, 3, 30, 22, 30, tzinfo=UTC)
# A whole month and parts of others, whole days, parts of days, a part of one day, nothing.
WINDOWS = [
    (FIRST - timedelta(days=40), FIRST + timedelta(days=12)),
    (FIRST.replace(hour=0, minute=0), FIRST.replace(hour=0, minute=0) + timedelta(days=4)),
    (FIRST + timedelta(hours=1), FIRST + timedelta(hours=50)),
    (FIRST, FIRST + timedelta(hours=1)),
    (FIRST - timedelta(hours=3), FIRST.replace(hour=0, minute=0) + timedelta(days=2)),
    (FIRST - timedelta(days=9), FIRST - timedelta(days=2, hours=3)),
]


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = FIRST
    return stopped


@pytest.fixture
def booked(core: Core, cast: Cast, time: StoppedClock) -> tuple[Books, Books]:
    """Calls of Alice and Bob: one each 5 hours over 3 days, of two models, some without a known cost."""
    alices, bobs = Books(core, cast.alice), Books(core, cast.bob, "Scout")
    for number in range(14):
        books = (alices, bobs)[number % 2]
        department = ("hr", "sales", None)[number % 3]
        micros = None if number % 5 == 4 else 100 + number
        books.call(department, micros, model=("gpt-4o", "gpt-4o-mini")[number // 2 % 2])
        time.advance(seconds=5 * 3600)
    alices.open("hr")  # not settled: in no sum
    return alices, bobs


@pytest.mark.parametrize("window", WINDOWS)
def test_sums_by_any_group_add_up_to_the_totals(
    core: Core, cast: Cast, root: User, booked: object, window: tuple[datetime, datetime]
) -> None:
    manager = replace(cast.charlie, role="manager", department="hr")
    actors: list[tuple[User, Scope]] = [(cast.alice, "mine"), (manager, "department"), (root, "everybody")]
    for actor, scope in actors:
        totals = core.usage.totals(actor, *window, scope)
        for group in GROUPS:
            lines = core.usage.by(actor, group, *window, scope)
            assert len({line.group for line in lines}) == len(lines)
            assert sum_of([Totals(), *(line.totals for line in lines)]) == totals, (scope, group)


def test_groups_have_names_and_an_order(
    core: Core, cast: Cast, root: User, booked: tuple[Books, Books], time: StoppedClock
) -> None:
    window = (FIRST - timedelta(days=1), time() + timedelta(days=1))

    def told(group: Group) -> list[tuple[str | None, str | None]]:
        return [(line.group, line.label) for line in core.usage.by(root, group, *window, "everybody")]

    alices, bobs = (books.origin for books in booked)
    assert told("day") == [(f"2026-03-{day}", None) for day in (30, 31)] + [
        ("2026-04-01", None),
        ("2026-04-02", None),
    ]
    assert dict(told("user")) == {cast.alice.id: "Alice", cast.bob.id: "Bob"}
    assert dict(told("agent")) == {alices.agent_id: "Clerk", bobs.agent_id: "Scout"}
    assert dict(told("department")) == {"hr": "HR", "sales": "Sales", None: None}
    assert dict(told("model")) == {"gpt-4o": None, "gpt-4o-mini": None}
    assert (told("provider"), told("workflow")) == ([("openai", None)], [(None, None)])
    costs = [line.totals.cost_micros for line in core.usage.by(root, "department", *window, "everybody")]
    assert costs == sorted(costs, reverse=True)


def test_a_key_is_named_to_its_owner_and_to_administrators(
    core: Core, cast: Cast, root: User, booked: tuple[Books, Books], time: StoppedClock
) -> None:
    window = (FIRST, time())
    key = core.keys.list(cast.alice)[0]
    manager = replace(cast.bob, role="manager", department="hr")
    (mine,) = core.usage.by(cast.alice, "key", *window)
    assert (mine.group, mine.label) == (key.id, key.name)
    assert {line.label for line in core.usage.by(root, "key", *window, "everybody")} >= {key.name}
    of_hr = {line.group: line.label for line in core.usage.by(manager, "key", *window, "department")}
    assert of_hr[key.id] is None
    assert core.usage.by(cast.charlie, "key", *window) == []


def test_calls_count_for_the_workflow_that_they_were_made_in(core: Core, alice: User, time: StoppedClock) -> None:
    books = Books(core, alice)
    node = {"id": "a", "kind": "agent", "agent_id": books.origin.agent_id, "task": "Go"}
    made = core.workflows.create(alice, "Letters", "hr", graph={"nodes": [node], "edges": []})
    core.workflows.publish(alice, made.id)
    run = runs_with(core, StubQueue()).start_workflow_run(alice, made.id, {})
    books.call("hr", 30)
    books.origin = replace(books.origin, run_id=run.id)
    books.call("hr", 100)
    time.advance(days=40)
    books.call("hr", 200)
    for since, until, sums in [(-1, 50, [300, 30]), (-1, 1, [100, 30]), (39, 41, [200])]:
        window = (FIRST + timedelta(days=since), FIRST + timedelta(days=until))
        lines = core.usage.by(alice, "workflow", *window)
        assert [line.totals.cost_micros for line in lines] == sums
        assert [(line.group, line.label) for line in lines] == [(made.id, "Letters"), (None, None)][: len(sums)]


def test_sums_by_workflow_are_added_up_on_the_way_back(
    core: Core, booked: object, alice: User, time: StoppedClock
) -> None:
    window = (FIRST - timedelta(days=1), time() + timedelta(days=1))
    before = core.usage.by(alice, "agent", *window)
    with core.db.transaction() as connection:
        of_alice = update(usage_days).where(usage_days.c.user_id == alice.id)
        connection.execute(of_alice.values(workflow_id="workflow_1"))
    downgrade(core.db, "0019")
    upgrade(core.db)
    assert core.usage.by(alice, "agent", *window) == before != []


def test_what_was_used_before_there_were_sums_of_days_is_in_them(core: Core, booked: object) -> None:
    def kept() -> list[tuple[object, ...]]:
        with core.db.read() as connection:
            return [tuple(row) for row in connection.execute(select(usage_days).order_by(*usage_days.primary_key))]

    before = kept()
    (path,) = (MIGRATIONS / "versions").glob("*_usage_days.py")
    downgrade(core.db, runpy.run_path(str(path))["down_revision"])
    upgrade(core.db)
    assert kept() == before != []


@pytest.mark.parametrize("scope", ["department", "everybody"])
def test_a_member_groups_their_own_calls_only(core: Core, cast: Cast, time: StoppedClock, scope: Scope) -> None:
    with pytest.raises(Forbidden):
        core.usage.by(replace(cast.alice, department="hr"), "user", FIRST, time(), scope)


def test_calls_come_in_pages_none_lost_and_none_twice(
    core: Core, cast: Cast, booked: tuple[Books, Books], time: StoppedClock
) -> None:
    for _ in range(3):
        booked[0].call("hr", 1)  # at the same moment
    window = (FIRST, time() + timedelta(seconds=1))
    whole = [call.id for call in core.usage.recent(cast.alice, *window)]
    found: list[str] = []
    after = None
    while piece := core.usage.recent(cast.alice, *window, limit=3, after=after):
        found += [call.id for call in piece]
        after = (piece[-1].started_at, piece[-1].id)
    assert found == whole
    assert len(whole) == 11
