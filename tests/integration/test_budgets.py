"""Budgets are set by those who may, seen by those they concern, and never forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.budgets.models import MAX_LIMIT_MICROS, BudgetState, Scope
from core.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from core.keys.models import Key, KeyDraft
from tests.conftest import Cast

DOLLAR = 1_000_000


@pytest.fixture
def admin(root: User) -> User:
    return root.proven(clock.now())


@pytest.fixture
def alice(core: Core, cast: Cast, admin: User) -> User:
    """Alice of Sales."""
    core.people.change(admin, cast.alice.id, "member", "sales")
    core.people.change(admin, cast.bob.id, "manager", "sales")
    found = core.accounts.user(cast.alice.id)
    assert found is not None
    return found.proven(clock.now())


@pytest.fixture
def bob(core: Core, cast: Cast, alice: User) -> User:
    """Bob, the manager of Sales."""
    found = core.accounts.user(cast.bob.id)
    assert found is not None
    return found.proven(clock.now())


@pytest.fixture
def key(core: Core, alice: User) -> Key:
    return core.keys.add(alice, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))


def _seen_by(core: Core, actor: User) -> list[tuple[Scope, str, str, int, bool]]:
    return [
        (s.budget.scope, s.subject.name, s.budget.period, s.budget.limit_micros, s.may_change)
        for s in core.budgets.list(actor)
    ]


def test_people_see_the_budgets_that_concern_them(
    core: Core, cast: Cast, admin: User, alice: User, bob: User, key: Key
) -> None:
    core.budgets.add(admin, "organisation", "", "month", 100 * DOLLAR)
    core.budgets.add(admin, "department", "sales", "day", 5 * DOLLAR)
    core.budgets.add(admin, "department", "sales", "month", 50 * DOLLAR)
    core.budgets.add(admin, "department", "hr", "month", 60 * DOLLAR)
    core.budgets.add(bob, "person", alice.id, "month", 7 * DOLLAR)
    core.budgets.add(alice, "key", key.id, "month", 3 * DOLLAR)

    sales = [
        ("organisation", "The organisation", "month", 100 * DOLLAR, False),
        ("department", "Sales", "day", 5 * DOLLAR, False),
        ("department", "Sales", "month", 50 * DOLLAR, False),
    ]
    assert _seen_by(core, alice) == [
        *sales,
        ("person", "Alice", "month", 7 * DOLLAR, False),
        ("key", "Mine", "month", 3 * DOLLAR, True),
    ]
    assert _seen_by(core, bob) == [*sales, ("person", "Alice", "month", 7 * DOLLAR, True)]
    assert _seen_by(core, cast.charlie) == [sales[0]]
    assert len(_seen_by(core, admin)) == 6
    assert all(changeable for *_, changeable in _seen_by(core, admin))


ADD: dict[str, Callable[[Core, User, User, Key], BudgetState]] = {
    "organisation": lambda core, actor, _alice, _key: core.budgets.add(actor, "organisation", "", "day", 1),
    "department": lambda core, actor, _alice, _key: core.budgets.add(actor, "department", "sales", "day", 1),
    "person": lambda core, actor, alice, _key: core.budgets.add(actor, "person", alice.id, "day", 1),
    "key": lambda core, actor, _alice, key: core.budgets.add(actor, "key", key.id, "day", 1),
}


@pytest.mark.parametrize(
    ("who", "scope", "error"),
    [
        ("alice", "organisation", Forbidden),
        ("alice", "department", Forbidden),
        ("alice", "person", Forbidden),
        ("bob", "department", Forbidden),
        ("bob", "key", NotFound),
        ("charlie", "department", NotFound),
        ("charlie", "person", NotFound),
        ("charlie", "key", NotFound),
    ],
)
def test_nobody_limits_what_is_not_theirs(
    core: Core, cast: Cast, alice: User, bob: User, key: Key, who: str, scope: str, error: type[Exception]
) -> None:
    actor = {"alice": alice, "bob": bob, "charlie": cast.charlie.proven(clock.now())}[who]
    with pytest.raises(error):
        ADD[scope](core, actor, alice, key)


@pytest.mark.parametrize(
    "change", [lambda c, a, b: c.budgets.change(a, b, 1), lambda c, a, b: c.budgets.delete(a, b)]
)
def test_a_limit_that_somebody_else_has_set_stands(
    core: Core, cast: Cast, admin: User, alice: User, key: Key, change: Callable[[Core, User, str], object]
) -> None:
    of_key = core.budgets.add(admin, "key", key.id, "month", DOLLAR)
    of_hr = core.budgets.add(admin, "department", "hr", "month", DOLLAR)
    with pytest.raises(Forbidden):
        change(core, alice, of_key.budget.id)
    for stranger, budget in ((alice, of_hr), (cast.charlie.proven(clock.now()), of_key)):
        with pytest.raises(NotFound):
            change(core, stranger, budget.budget.id)
        with pytest.raises(NotFound):
            core.budgets.get(stranger, budget.budget.id)
    with pytest.raises(StepUpRequired):
        change(core, replace(admin, proved_at=clock.now() - timedelta(minutes=11)), of_key.budget.id)
    assert {state.budget.limit_micros for state in core.budgets.list(admin)} == {DOLLAR}


def test_a_budget_is_set_once_changed_and_taken_away_and_the_audit_tells(core: Core, admin: User) -> None:
    state = core.budgets.add(admin, "department", "hr", "month", DOLLAR)
    with pytest.raises(Conflict):
        core.budgets.add(admin, "department", "hr", "month", 2 * DOLLAR)
    assert core.budgets.change(admin, state.budget.id, 3 * DOLLAR).left_micros == 3 * DOLLAR
    core.budgets.delete(admin, state.budget.id)
    assert core.budgets.list(admin) == []
    told = [
        entry
        for entry in core.audit.search(admin, admin.created_at, clock.now() + timedelta(seconds=1))
        if entry.action.startswith("budget.")
    ]
    assert [(entry.action, entry.detail.get("limit_micros")) for entry in told] == [
        ("budget.deleted", 3 * DOLLAR),
        ("budget.changed", 3 * DOLLAR),
        ("budget.added", DOLLAR),
    ]
    assert told[0].detail["for"] == "department hr"


@pytest.mark.parametrize("limit", [-1, MAX_LIMIT_MICROS + 1])
def test_no_amount_below_nothing_or_beyond_all_measure(core: Core, admin: User, limit: int) -> None:
    with pytest.raises(Invalid, match="Enter an amount from"):
        core.budgets.add(admin, "organisation", "", "month", limit)


@pytest.mark.parametrize(("scope", "scope_id"), [("department", "nowhere"), ("person", "user_0"), ("agent", "x")])
def test_no_budget_for_what_is_not_there(core: Core, admin: User, scope: Scope, scope_id: str) -> None:
    with pytest.raises(NotFound):
        core.budgets.add(admin, scope, scope_id, "month", 1)


@pytest.mark.parametrize(("scope", "period"), [("run", "month"), ("planet", "month"), ("person", "week")])
def test_only_known_scopes_and_periods(core: Core, admin: User, scope: Scope, period: str) -> None:
    with pytest.raises(Invalid):
        core.budgets.add(admin, scope, "", period, 1)  # type: ignore[arg-type]


def test_the_picker_offers_what_may_be_limited(core: Core, admin: User, alice: User, bob: User, key: Key) -> None:
    def names(actor: User, scope: Scope) -> list[str]:
        return [subject.name for subject in core.budgets.candidates(actor, scope)]

    assert names(admin, "department")[0] == "Sales"
    assert names(admin, "person") == ["Alice", "Bob", "Charlie", "Root"]
    assert names(admin, "key") == []  # Alice's own key is her own money
    assert (names(bob, "person"), names(bob, "department")) == (["Alice"], [])
    assert (names(alice, "key"), names(alice, "person"), names(alice, "organisation")) == (["Mine"], [], [])


def test_a_deleted_key_takes_its_budget_out_of_sight(core: Core, alice: User, key: Key) -> None:
    core.budgets.add(alice, "key", key.id, "month", DOLLAR)
    core.keys.delete(alice, key.id)
    assert core.budgets.list(alice) == []


def test_a_long_list_takes_no_more_statements_than_a_short_one(core: Core, cast: Cast, admin: User) -> None:
    def statements() -> int:
        seen: list[str] = []
        listen = lambda _c, _cursor, statement, *_: seen.append(statement)  # noqa: E731
        event.listen(core.db._engine, "before_cursor_execute", listen)
        found = len(core.budgets.list(admin))
        event.remove(core.db._engine, "before_cursor_execute", listen)
        assert found
        return len(seen)

    core.budgets.add(admin, "person", cast.alice.id, "month", DOLLAR)
    core.budgets.add(admin, "organisation", "", "day", DOLLAR)
    few = statements()
    for slug in ("sales", "hr", "finance", "operations"):
        core.budgets.add(admin, "department", slug, "month", DOLLAR)
    one_more_scope = statements()
    for person in (cast.bob, cast.charlie, admin):
        core.budgets.add(admin, "person", person.id, "month", DOLLAR)
    core.budgets.add(admin, "department", "support", "month", DOLLAR)
    assert (one_more_scope - few, statements()) == (2, one_more_scope)
