"""The month-end statement: exact numbers, who sees them, and a closed month that stays what it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import DatabaseError

from core.accounts.models import User
from core.bootstrap import Core
from core.db.migrate import downgrade, upgrade
from core.db.tables import adjustments, model_calls, statement_lines, statements, usage_months
from core.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from core.llm.pricing import Tokens
from core.shared_costs.models import Rule, SharedCost
from core.statements.breakdown import break_down
from core.statements.models import Cents, Statement
from tests.conftest import PASSWORD, Cast
from tests.support.booked_calls import Books, at
from tests.support.stopped_clock import StoppedClock

OCTOBER, NOVEMBER = "2026-10", "2026-11"


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = at("2026-10-05T12:00:00")
    return stopped


@pytest.fixture
def admin(time: StoppedClock, root: User) -> Callable[[], User]:
    """Return the administrator, who has just proved who they are."""
    return lambda: replace(root, proved_at=time())


def server(amount: int = 20_000_000, rule: Rule | None = None, first: str = OCTOBER) -> SharedCost:
    return SharedCost("", "Server", amount, first, None, rule)


def totals(statement: Statement) -> dict[str | None, int]:
    return {sums.department: sums.total_micros for sums in statement.departments if not sums.is_empty}


def exchange(statement: Statement) -> Statement:
    """Return a statement without what only the living one has, to compare it with the frozen one."""
    return replace(statement, closed_at=None, closed_by="", open_calls=0)


def test_two_departments_are_added_up_exactly(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    people, root = core.people, admin()
    for person, slug in ((cast.alice, "hr"), (cast.bob, "hr"), (cast.charlie, "sales")):
        people.set_department(root, person.id, slug)
    alice, charlie = Books(core, cast.alice, "Clerk"), Books(core, cast.charlie, "Seller")
    alice.call("hr", 1_000_001)
    alice.call("hr", 333_333, is_pool=False, model="mini")
    alice.call("hr", None)
    charlie.call("sales", 3_000_000)
    charlie.call(None, 50)
    charlie.call(None, 9, is_pool=False)
    core.shared_costs.add(root, server())
    core.shared_costs.add(root, replace(server(7, Rule("heads")), name="Vectors"))
    core.statements.adjust(root, OCTOBER, "sales", -250_000, "Credit for the outage")

    found = core.statements.get(root, OCTOBER)
    by = {sums.department: sums for sums in found.departments}
    hr, sales, none = by["hr"], by["sales"], by[None]
    assert (hr.heads, sales.heads) == (2, 1)
    assert (hr.pool_micros, hr.own_micros, hr.pool_calls, hr.pool_unpriced) == (1_000_001, 333_333, 2, 1)
    # 20,000,000 by 1,000,001 to 3,000,000; 7 by 2 to 1; the 50 without a department by pool use again.
    server_hr = 20_000_000 * 1_000_001 // 4_000_001 + 1
    assert (hr.shared_micros, sales.shared_micros) == (server_hr + 5 + 13, 20_000_000 - server_hr + 2 + 37)
    assert sales.adjustments_micros == -250_000
    assert (none.pool_micros, none.shared_micros, none.own_micros, none.total_micros) == (50, -50, 9, 9)
    assert found.total_micros == 1_000_001 + 333_333 + 3_000_000 + 50 + 9 + 20_000_000 + 7 - 250_000
    assert sum(sums.cents.total for sums in found.departments) == 2_408  # $24.0834
    assert all(not sums.cents.total for sums in found.departments if sums.is_empty)
    assert found.unpriced_calls == 1

    rows = break_down(found, "model")
    assert {row.name for row in rows} == {"gpt-4o", "mini"}
    assert sum(row.calls for row in rows) == 6
    for which in ("person", "agent", "model"):
        parts = break_down(found, which)
        for sums in found.departments:
            mine = [row for row in parts if row.department == sums.department]
            assert sum(row.own_cents or 0 for row in mine) == sums.cents.own
            assert sum(row.pool_cents or 0 for row in mine) == sums.cents.pool


def test_each_role_sees_its_part_and_the_same_amounts(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    alice, charlie = Books(core, cast.alice), Books(core, cast.charlie)
    alice.call("hr", 14_999)
    Books(core, cast.bob).call("hr", 5_000)
    charlie.call("sales", 15_000)
    core.shared_costs.add(admin(), server(10_001))
    whole = core.statements.get(admin(), OCTOBER)
    manager = replace(cast.bob, role="manager", department="hr")
    hr = core.statements.get(manager, OCTOBER)
    assert [sums.department for sums in hr.departments] == ["hr"]
    assert hr.departments[0] == next(sums for sums in whole.departments if sums.department == "hr")
    assert {use.person for use in hr.uses} == {"Alice", "Bob"}
    assert {share.department for share in hr.shares} == {"hr"}
    assert hr == replace(core.statements.get(admin(), OCTOBER, department="hr"), view="department")
    mine = core.statements.get(replace(cast.alice, department="hr"), OCTOBER)
    assert [(use.person, use.cost_micros) for use in mine.uses] == [("Alice", 14_999)]
    assert totals(mine) == {"hr": 14_999}
    assert (mine.shares, mine.adjustments) == ((), ())
    assert core.statements.get(manager, OCTOBER, "mine").total_micros == 5_000
    assert core.statements.get(replace(cast.charlie, role="viewer"), OCTOBER).total_micros == 15_000


@pytest.mark.parametrize(
    ("role", "department", "view", "wanted"),
    [
        ("member", "hr", "department", None),
        ("member", "hr", "mine", "sales"),
        ("viewer", "hr", "everybody", None),
        ("manager", "hr", "everybody", None),
        ("manager", "hr", None, "sales"),
        ("manager", None, "department", None),
    ],
)
def test_nobody_sees_more_than_their_role_says(
    core: Core, cast: Cast, role: str, department: str | None, view: str | None, wanted: str | None
) -> None:
    actor = replace(cast.alice, role=role, department=department)  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        core.statements.get(actor, OCTOBER, view, wanted)  # type: ignore[arg-type]


def test_a_closed_month_never_changes(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    core.people.set_department(admin(), cast.alice.id, "hr")
    books = Books(core, cast.alice)
    books.call("hr", 1_234_567)
    books.call("sales", 1)
    books.call(None, 5)
    cost = core.shared_costs.add(admin(), server(rule=Rule("heads")))
    core.statements.adjust(admin(), OCTOBER, "hr", 4_000, "Rounding of September")
    with pytest.raises(Conflict, match="not over yet"):
        core.statements.close(admin(), OCTOBER)
    before = core.statements.get(admin(), OCTOBER)
    time.moment = at("2026-11-01T00:00:00")
    closed = core.statements.close(admin(), OCTOBER)
    frozen = core.statements.get(admin(), OCTOBER)
    assert frozen == closed
    assert exchange(frozen) == before
    assert frozen.closed_by == "Root"

    core.departments.rename(admin(), "hr", "People")
    core.departments.add(admin(), "Legal")
    core.people.set_department(admin(), cast.bob.id, "hr")
    core.shared_costs.change(admin(), replace(cost, amount_micros=1, first_month=OCTOBER))
    core.shared_costs.delete(admin(), cost.id)
    core.shared_costs.set_rule(admin(), "no_department", Rule("heads"))
    books.call("hr", 99)
    assert core.statements.get(admin(), OCTOBER) == frozen
    assert frozen.name_of("hr") == "HR"
    for act in (
        lambda: core.statements.adjust(admin(), OCTOBER, "hr", 1, "Too late"),
        lambda: core.statements.reverse(admin(), frozen.adjustments[0].id),
        lambda: core.statements.close(admin(), OCTOBER),
        lambda: core.shared_costs.add(admin(), server()),
    ):
        with pytest.raises(Conflict):
            act()
    (entry,) = core.audit.search(admin(), at("2026-10-01T00:00:00"), at("2026-12-01T00:00:00"), "", "month.closed")
    assert (entry.object_id, entry.detail["total_micros"]) == (OCTOBER, frozen.total_micros)
    states = {state.month: state for state in core.statements.months(admin())}
    assert list(states) == [NOVEMBER, OCTOBER]
    assert states[OCTOBER].closed_at == time()
    assert not states[NOVEMBER].is_next  # it is not over


def test_a_call_over_midnight_and_late_ones_are_billed_once(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    books = Books(core, cast.alice)
    time.moment = at("2026-10-31T23:59:59.999999")
    over_midnight, late, never = books.open("hr"), books.open("hr"), books.open("hr")
    time.moment = at("2026-11-01T00:00:00")
    books.settle(over_midnight, 100)
    books.call("hr", 1_000)
    assert totals(core.statements.get(admin(), OCTOBER)) == {"hr": 100}
    assert totals(core.statements.get(admin(), NOVEMBER)) == {"hr": 1_000}
    assert core.statements.get(admin(), OCTOBER).open_calls == 2
    assert core.statements.close(admin(), OCTOBER).open_calls == 2
    books.settle(late, 7)
    core.usage.fail(never[0], "timeout", 1)
    assert totals(core.statements.get(admin(), OCTOBER)) == {"hr": 100}
    november = core.statements.get(admin(), NOVEMBER)
    assert totals(november) == {"hr": 1_007}
    assert november.late_months == (OCTOBER,)
    assert [(use.used_month, use.cost_micros) for use in november.uses] == [(OCTOBER, 7), (NOVEMBER, 1_000)]
    assert sorted(row.used_month for row in break_down(november, "person")) == [OCTOBER, NOVEMBER]
    assert next(sums.late_micros for sums in november.departments if sums.department == "hr") == 7
    time.moment = at("2026-12-01T00:00:00")
    assert core.statements.close(admin(), NOVEMBER).total_micros == 1_007
    with core.db.read() as connection:
        billed = connection.execute(
            select(model_calls.c.billed_month, func.sum(model_calls.c.cost_micros))
            .where(model_calls.c.billed_month.is_not(None))
            .group_by(model_calls.c.billed_month)
        )
        assert dict(billed.tuples().all()) == {OCTOBER: 100, NOVEMBER: 1_007}


def test_months_are_closed_in_their_order(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    Books(core, cast.alice).call("hr", 5)
    time.moment = at("2026-12-02T00:00:00")
    assert [(state.month, state.is_next) for state in core.statements.months(admin())] == [
        ("2026-12", False),
        (NOVEMBER, False),
        (OCTOBER, True),
    ]
    with pytest.raises(Conflict, match="Close October 2026 first"):
        core.statements.close(admin(), NOVEMBER)
    with pytest.raises(Conflict, match="nothing to close"):
        core.statements.close(admin(), "2026-09")
    with pytest.raises(Invalid):
        core.statements.close(admin(), "2026-13")
    core.statements.close(admin(), OCTOBER)
    assert core.statements.close(admin(), NOVEMBER).total_micros == 0


def test_an_adjustment_is_taken_back_by_another(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    made = core.statements.adjust(admin(), OCTOBER, "hr", 5_000_000, "  Workshop \n in May ")
    time.advance(seconds=1)
    back = core.statements.reverse(admin(), made.id)
    found = core.statements.get(admin(), OCTOBER)
    assert [(one.micros, one.reason, one.person, one.reverses) for one in found.adjustments] == [
        (5_000_000, "Workshop in May", "Root", None),
        (-5_000_000, "Taken back: Workshop in May", "Root", made.id),
    ]
    assert found.total_micros == 0
    for adjustment in (made, back):
        with pytest.raises(Conflict, match="taken back before"):
            core.statements.reverse(admin(), adjustment.id)
    with pytest.raises(NotFound):
        core.statements.reverse(admin(), "adj_x")
    for wrong in (
        (OCTOBER, "hr", 0, "Nothing"),
        (OCTOBER, "hr", 1, "  "),
        (OCTOBER, "the moon", 1, "Far"),
        ("2026-1", "hr", 1, "Wrong month"),
    ):
        with pytest.raises(Invalid):
            core.statements.adjust(admin(), *wrong)
    with pytest.raises(Conflict, match="no statement"):
        core.statements.adjust(admin(), NOVEMBER, "hr", 1, "Too early")


def test_shared_costs_are_checked(core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]) -> None:
    for wrong in (
        replace(server(), name=" "),
        server(0),
        server(first="2025-09"),
        replace(server(), last_month="2026-09"),
        server(rule=Rule("percent", {"hr": 9_999})),
        server(rule=Rule("percent", {"hr": 10_001, "sales": -1})),
        server(rule=Rule("percent", {"the moon": 10_000})),
        server(rule=Rule("by mood")),  # type: ignore[arg-type]
    ):
        with pytest.raises(Invalid):
            core.shared_costs.add(admin(), wrong)
    once = core.shared_costs.add(admin(), replace(server(rule=Rule("percent", {"hr": 10_000})), last_month=OCTOBER))
    assert core.shared_costs.list(admin()) == [once]
    assert totals(core.statements.get(admin(), OCTOBER)) == {"hr": 20_000_000}
    assert totals(core.statements.get(admin(), NOVEMBER)) == {}
    for act in (
        lambda: core.shared_costs.change(admin(), replace(once, id="cost_x")),
        lambda: core.shared_costs.delete(admin(), "cost_x"),
        lambda: core.shared_costs.set_rule(admin(), "another", Rule("heads")),  # type: ignore[arg-type]
    ):
        with pytest.raises(NotFound):
            act()


def test_what_moves_money_asks_for_a_recent_proof(core: Core, cast: Cast, root: User, time: StoppedClock) -> None:
    stale = root.proven(None)
    for act in (
        lambda: core.statements.close(stale, OCTOBER),
        lambda: core.statements.adjust(stale, OCTOBER, "hr", 1, "Why"),
        lambda: core.statements.reverse(stale, "adj_x"),
        lambda: core.shared_costs.add(stale, server()),
        lambda: core.shared_costs.change(stale, server()),
        lambda: core.shared_costs.delete(stale, "cost_x"),
        lambda: core.shared_costs.set_rule(stale, "default", Rule("heads")),
    ):
        with pytest.raises(StepUpRequired):
            act()


def test_the_database_itself_refuses_to_change_what_is_closed(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    Books(core, cast.alice).call("hr", 5)
    core.statements.adjust(admin(), OCTOBER, "hr", 1, "Why")
    time.moment = at("2026-11-01T00:00:00")
    core.statements.close(admin(), OCTOBER)
    with core.db.read() as connection:
        line = dict(connection.execute(select(statement_lines).limit(1)).mappings().one())
        adjustment = dict(connection.execute(select(adjustments)).mappings().one())
    attempts = [
        *(update(table).values(month=NOVEMBER) for table in (statements, statement_lines, adjustments)),
        *(delete(table) for table in (statements, statement_lines, adjustments)),
        insert(statement_lines).values({**line, "number": 999}),
        insert(adjustments).values({**adjustment, "id": "adj_x"}),
    ]
    if core.db.is_sqlite:
        attempts.append(insert(statement_lines).prefix_with("OR REPLACE").values(line))
    for attempt in attempts:
        with pytest.raises(DatabaseError, match="never changes"), core.db.transaction() as connection:
            connection.execute(attempt)


def test_the_sums_are_what_a_recount_finds(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    """Random calls, settled or not, before and after October is closed."""
    chance = random.Random(13)
    shelves = [Books(core, cast.alice), Books(core, cast.bob, "Seller")]
    waiting = []
    time.moment = at("2026-10-31T22:00:00")
    for number in range(120):
        time.advance(minutes=2)
        if number == 80:
            core.statements.close(admin(), OCTOBER)
        books = chance.choice(shelves)
        sent = books.open(
            chance.choice(["hr", "sales", None]),
            is_pool=chance.random() < 0.5,
            model=chance.choice(["gpt-4o", "gpt-4o-mini"]),
        )
        waiting.append((books, sent))
        if chance.random() < 0.7:
            books, sent = waiting.pop(chance.randrange(len(waiting)))
            ending = chance.choice(["settle", "settle", "fail", "interrupt", "unpriced"])
            if ending == "fail":
                core.usage.fail(sent[0], "timeout", 1)
            elif ending == "interrupt":
                core.usage.interrupt(*sent, Tokens(100, 10), 1)
            else:
                books.settle(sent, None if ending == "unpriced" else chance.randrange(10_000))
    calls = model_calls.c
    sums = ("calls", "input_tokens", "output_tokens", "cost_micros", "unpriced_calls")
    with core.db.read() as connection:
        kept = connection.execute(
            select(*(func.sum(usage_months.c[name]) for name in sums), usage_months.c.billed_month).group_by(
                usage_months.c.billed_month
            )
        ).all()
        counted = connection.execute(
            select(
                func.count(),
                func.sum(calls.input_tokens),
                func.sum(calls.output_tokens),
                func.sum(calls.cost_micros),
                func.sum(func.coalesce(calls.cost_micros * 0, 1)),
                calls.billed_month,
            )
            .where(calls.status.in_(("answered", "interrupted")))
            .group_by(calls.billed_month)
        ).all()
    assert sorted(map(tuple, kept)) == sorted(map(tuple, counted))
    assert len(kept) == 2
    # And as people see it: both months together are all that was ever counted.
    seen = [core.statements.get(admin(), month).total_micros for month in (OCTOBER, NOVEMBER)]
    assert sum(seen) == sum(int(row[3]) for row in counted)


def test_a_suspended_member_is_no_head_and_one_who_came_later_neither(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    for person in (cast.alice, cast.bob):
        core.people.set_department(admin(), person.id, "hr")
    time.moment = at("2026-11-01T00:00:00")
    late = core.accounts.create_user("late@example.com", "Late", PASSWORD, "member")
    core.people.set_department(admin(), late.id, "hr")
    core.people.suspend(admin(), cast.bob.id)
    heads = {
        month: {sums.department: sums.heads for sums in core.statements.get(admin(), month).departments}["hr"]
        for month in (OCTOBER, NOVEMBER)
    }
    assert heads == {OCTOBER: 1, NOVEMBER: 2}


def test_cents_of_a_closed_month_are_written_down(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    Books(core, cast.alice).call("hr", 5_000)
    Books(core, cast.bob).call("sales", 5_000)
    time.moment = at("2026-11-01T00:00:00")
    core.statements.close(admin(), OCTOBER)
    cents = {sums.department: sums.cents for sums in core.statements.get(admin(), OCTOBER).departments}
    assert (cents["hr"], cents["sales"]) == (Cents(0, 0, 0, 0), Cents(0, 1, 0, 0))  # Sales comes first


def test_calls_that_settle_while_a_month_is_closed_are_billed_once(
    core: Core, cast: Cast, time: StoppedClock, admin: Callable[[], User]
) -> None:
    books = [Books(core, person) for person in (cast.alice, cast.bob, cast.charlie)]
    sent = [(one, one.open("hr")) for one in books for _ in range(8)]
    time.moment = at("2026-11-01T00:00:00")
    with ThreadPoolExecutor(4) as pool:
        settled = [pool.submit(one.settle, call, 10) for one, call in sent[:12]]
        closing = pool.submit(core.statements.close, admin(), OCTOBER)
        settled += [pool.submit(one.settle, call, 10) for one, call in sent[12:]]
        for future in settled:
            future.result()
        october = closing.result().total_micros
    assert core.statements.get(admin(), OCTOBER).total_micros == october
    assert october + core.statements.get(admin(), NOVEMBER).total_micros == 10 * len(sent)


def test_calls_of_before_are_in_the_sums_after_migrating(core: Core, cast: Cast, time: StoppedClock) -> None:
    books = Books(core, cast.alice)
    for month in (OCTOBER, NOVEMBER):
        time.moment = at(f"{month}-30T23:59:59")
        for amount in (5, 6, None):
            books.call("hr", amount)
            books.call(None, amount, is_pool=False)
    books.open("hr")

    def sums() -> list[tuple[object, ...]]:
        with core.db.read() as connection:
            kept = connection.execute(select(usage_months).order_by(*usage_months.primary_key)).all()
            billed = connection.execute(select(model_calls.c.billed_month).order_by(model_calls.c.id)).all()
        return [tuple(row) for row in (*kept, *billed)]

    before = sums()
    assert len(before) == 4 + 13
    downgrade(core.db, "0013-1")
    upgrade(core.db)
    assert sums() == before
