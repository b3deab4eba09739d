"""Budgets: set by those who may, seen by those they concern."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.runs.models import Run
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
DOLLAR = 1_000_000


@pytest.fixture
def root(page_core: Core) -> User:
    made = page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    return made.proven(clock.now())


def test_an_administrator_sets_changes_and_deletes_one(visit: Visitor, page_core: Core, root: User) -> None:
    page = visit(root).open(navigation.BUDGETS)
    assert "No budgets yet" in page.text
    page.press("budgets_first").fill(budgets_limit="1,250.5")
    page.press_in_dialog("budgets_first", "budgets_add")
    (state,) = page_core.budgets.list(root)
    assert (state.budget.scope, state.budget.period, state.budget.limit_micros) == (
        "organisation",
        "month",
        1_250_500_000,
    )
    of = state.budget.id
    page.rerun().press(f"budgets_edit_{of}").fill(**{f"budgets_limit_{of}": "7"})
    page.press_in_dialog(f"budgets_edit_{of}", "budgets_save")
    assert page_core.budgets.get(root, of).budget.limit_micros == 7 * DOLLAR
    page.rerun().press(f"budgets_edit_{of}")
    page.press_in_dialog(f"budgets_edit_{of}", "budgets_delete")
    assert page_core.budgets.list(root) == []


@pytest.mark.parametrize("typed", ["", "much", "-3", "99999999999"])
def test_no_amount_gets_one_sentence_and_sets_nothing(
    visit: Visitor, page_core: Core, root: User, typed: str
) -> None:
    page = visit(root).open(navigation.BUDGETS).press("budgets_first").fill(budgets_limit=typed)
    page.press_in_dialog("budgets_first", "budgets_add")
    assert page.errors[0].startswith("Enter an amount such as")
    assert page_core.budgets.list(root) == []


def test_a_member_sees_what_concerns_them_and_changes_none_of_it(
    visit: Visitor, page_core: Core, root: User, alice: User
) -> None:
    page_core.budgets.add(root, "organisation", "", "month", 0)
    page_core.budgets.add(root, "department", "hr", "day", 5 * DOLLAR)
    page = visit(alice).open(navigation.BUDGETS)
    assert "The organisation" in page.text
    assert "HR" not in page.text
    assert page.buttons == ["Sign out"]
    assert page.open(navigation.HOME).errors == [
        "The budget of **The organisation** this month: \\$0 of \\$0 is used. Nothing more is sent to models on it."
    ]


def test_a_run_shows_the_most_that_it_may_cost(
    visit: Visitor, page_core: Core, alice: User, agent: Agent, run: Run
) -> None:
    capped = page_core.runs.start_agent_run(alice, agent.id, "x", budget_micros=50_000)
    assert "It may cost at most $0.05." in visit(alice).open(navigation.RUN, id=capped.id).captions
    assert not [told for told in visit(alice).open(navigation.RUN, id=run.id).captions if "at most" in told]
