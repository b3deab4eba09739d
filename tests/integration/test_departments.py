"""Departments are added, renamed and ordered; what is in use stays."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.departments.models import Department
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound
from core.keys.models import KeyDraft
from core.quotas.models import Allowance
from tests.conftest import PASSWORD, Cast


@pytest.fixture
def admin(core: Core) -> User:
    return core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin").proven(clock.now())


def names(core: Core) -> list[str]:
    return [department.name for department in core.departments.all()]


def test_a_new_department_comes_last_and_gets_a_slug(core: Core, admin: User) -> None:
    assert core.departments.add(admin, "  Research &  Entwicklung ü ").slug == "research-entwicklung-u"
    assert core.departments.add(admin, "研究").slug == "department"
    assert core.departments.add(admin, "Research & entwicklung (ü)").slug == "research-entwicklung-u-2"
    assert core.departments.add(admin, "x" * 80).slug == "x" * 36
    assert names(core)[-4:] == ["Research & Entwicklung ü", "研究", "Research & entwicklung (ü)", "x" * 80]


def test_a_renamed_department_keeps_its_slug(core: Core, admin: User) -> None:
    assert core.departments.rename(admin, "hr", "People").slug == "hr"
    assert "People" in names(core)
    core.departments.rename(admin, "hr", "PEOPLE")
    core.departments.check("hr")


def test_departments_are_moved_up_and_down_and_stop_at_the_ends(core: Core, admin: User) -> None:
    core.departments.move(admin, "finance", -1)
    assert names(core)[:3] == ["Sales", "Finance", "HR"]
    core.departments.move(admin, "finance", -5)
    assert names(core)[:3] == ["Finance", "Sales", "HR"]
    core.departments.move(admin, "finance", 100)
    assert names(core)[-1] == "Finance"


def test_name_and_position_are_changed_both_or_neither(core: Core, admin: User) -> None:
    changed = core.departments.change(admin, "finance", name="Money", position=1)
    assert changed == core.departments.get("finance") == Department("finance", "Money", 1)
    assert core.departments.change(admin, "finance", position=10_000).position == len(names(core))
    assert core.departments.change(admin, "finance") == core.departments.get("finance")
    before = core.departments.all()
    with pytest.raises(Conflict):
        core.departments.change(admin, "finance", name="Sales", position=1)
    for slug in ("gone", ""):
        with pytest.raises(NotFound):
            core.departments.change(admin, slug, position=1)
    assert core.departments.all() == before


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b"])
def test_a_name_has_to_be_readable(core: Core, admin: User, name: str) -> None:
    for act in (lambda: core.departments.add(admin, name), lambda: core.departments.rename(admin, "hr", name)):
        with pytest.raises(Invalid):
            act()


def test_a_name_is_taken_once(core: Core, admin: User) -> None:
    for act in (
        lambda: core.departments.add(admin, "sales"),
        lambda: core.departments.rename(admin, "hr", "SALES"),
    ):
        with pytest.raises(Conflict, match="already"):
            act()


def test_of_many_adding_the_same_at_once_one_succeeds(core: Core, admin: User) -> None:
    def add(_: int) -> str:
        try:
            return core.departments.add(admin, "Legal").slug
        except CoreError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(add, range(6)))
    assert outcomes == ["conflict"] * 5 + ["legal"]
    assert names(core).count("Legal") == 1


def test_an_unused_department_is_deleted_and_one_in_use_is_not(core: Core, cast: Cast, admin: User) -> None:
    core.people.set_department(admin, cast.alice.id, "hr")
    key = core.keys.add(cast.bob, KeyDraft("Mine", "openai", "zk-Secret-0123456789"))
    fields = {"name": "A", "department": "sales", "role": "r", "goal": "g", "key_id": key.id, "model": "gpt-4o"}
    core.agents.delete(cast.bob, core.agents.create(cast.bob, fields).id)
    for slug in ("hr", "sales"):
        with pytest.raises(Conflict, match="in use"):
            core.departments.delete(admin, slug)
    core.people.set_department(admin, cast.alice.id, None)
    core.departments.delete(admin, "hr")
    assert "HR" not in names(core)
    with pytest.raises(NotFound):
        core.departments.delete(admin, "hr")


def test_the_budgets_and_limits_of_a_deleted_department_go_with_it(core: Core, admin: User) -> None:
    for slug in ("hr", "sales"):
        core.budgets.add(admin, "department", slug, "month", 5_000_000)
        core.quotas.put(admin, "department", slug, Allowance(requests_per_minute=5))
    core.budgets.add(admin, "department", "hr", "day", 1_000_000)
    core.departments.delete(admin, "hr")
    assert core.departments.add(admin, "HR").slug == "hr", "another one of the same slug begins without them"
    assert [state.budget.scope_id for state in core.budgets.list(admin)] == ["sales"]
    assert [line.quota.scope_id for line in core.quotas.list(admin)] == ["sales"]
    core.budgets.add(admin, "department", "hr", "month", 7_000_000)
    told = [entry.action for entry in core.audit.search(admin, admin.created_at, clock.now())]
    assert told.count("budget.deleted") == 2
    assert told.count("limit.removed") == 1


def test_the_last_department_stays(core: Core, admin: User) -> None:
    first, *others = core.departments.all()
    for department in others:
        core.departments.delete(admin, department.slug)
    with pytest.raises(Conflict, match="has to stay"):
        core.departments.delete(admin, first.slug)


def test_charlie_changes_no_department(core: Core, cast: Cast) -> None:
    before = core.departments.all()
    acts: list[Callable[[], object]] = [
        lambda: core.departments.add(cast.charlie, "Legal"),
        lambda: core.departments.rename(cast.charlie, "hr", "Legal"),
        lambda: core.departments.move(cast.charlie, "hr", 1),
        lambda: core.departments.delete(cast.charlie, "hr"),
    ]
    for act in acts:
        with pytest.raises(Forbidden):
            act()
    assert core.departments.all() == before


@pytest.mark.parametrize("slug", ["", "board", "a\x00", "\ud800"])
def test_a_department_that_is_not_there_is_not_found(core: Core, admin: User, slug: str) -> None:
    acts: list[Callable[[], object]] = [
        lambda: core.departments.rename(admin, slug, "Legal"),
        lambda: core.departments.move(admin, slug, 1),
        lambda: core.departments.delete(admin, slug),
    ]
    for act in acts:
        with pytest.raises(NotFound):
            act()
