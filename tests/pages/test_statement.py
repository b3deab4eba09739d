"""The Statement page: who sees which part, how a month is adjusted, shared and closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.shared_costs.models import Rule
from tests.pages.conftest import Visit
from tests.support.booked_calls import Books, at
from tests.support.stopped_clock import StoppedClock

Visitor = Callable[..., Visit]


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = at("2026-10-05T12:00:00")
    return stopped


@pytest.fixture
def booked(page_core: Core, time: StoppedClock, alice: User, charlie: User, root: User) -> None:
    """October: Alice's department HR and Charlie's Sales; now it is November."""
    page_core.people.set_department(root, alice.id, "hr")
    Books(page_core, alice).call("hr", 1_230_000)
    Books(page_core, alice).call("hr", None)
    Books(page_core, charlie).call("sales", 4_560_000, is_pool=False)
    time.moment = at("2026-11-01T00:05:00")


# In the order of the page.
TABLES = ("overview", "person", "agent", "model", "shares")


def table(page: Visit, name: str) -> Any:
    return page.app.dataframe[TABLES.index(name)].value


def test_without_calls_alice_is_told_what_will_be_here(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.STATEMENT)
    assert not page.app.exception
    assert "Nothing in this month" in [subheader.value for subheader in page.app.subheader]
    assert not page.app.metric


def test_an_administrator_sees_the_month_to_close_and_closes_it(
    visit: Visitor, page_core: Core, booked: None, root: User
) -> None:
    page = visit(root).open(navigation.STATEMENT)
    assert not page.app.exception
    assert page.app.query_params["month"] == "2026-10"
    assert page.metrics == {"Total": "$5.79 +", "To charge": "$1.23 +", "Pool": "$1.23 +", "Own keys": "$4.56"}
    assert table(page, "overview")[["Department", "Pool", "Own keys", "Total"]].values.tolist() == [
        ["Sales", "$0.00", "$4.56", "$4.56"],
        ["HR", "$1.23 +", "$0.00", "$1.23 +"],
        ["All", "$1.23 +", "$4.56", "$5.79 +"],
    ]
    assert "The price of 1 call(s) is unknown; they are in no amount." in page.captions
    people = table(page, "person")
    assert people[["Person", "Detail", "Calls", "Cost"]].values.tolist() == [
        ["Charlie", "charlie@example.com", 1, 4.56],
        ["Alice", "alice@example.com", 2, 1.23],
    ]
    page.press("statement_close").press_in_dialog("statement_close", "statement_close_yes")
    assert page_core.statements.months(root)[-1].closed_at is not None
    page = visit(root).open(navigation.STATEMENT, month="2026-10")
    assert any("Closed on 2026-11-01 by Root" in caption for caption in page.captions)
    assert "Close month" not in page.buttons
    assert "Add adjustment" not in page.buttons
    assert "Add shared cost" not in page.buttons


def test_a_manager_sees_the_department_and_changes_nothing(
    visit: Visitor, page_core: Core, time: StoppedClock, booked: None, alice: User, root: User
) -> None:
    page_core.people.set_role(root.proven(time()), alice.id, "manager")
    manager = page_core.accounts.session_user(page_core.accounts.start_session(alice, "test"))
    page = visit(manager).open(navigation.STATEMENT, month="2026-10")
    assert not page.app.exception
    assert page.metrics["Total"] == "$1.23 +"
    assert "charlie@example.com" not in page.text
    assert not {"Close month", "Add adjustment", "Add shared cost", "Change"} & set(page.buttons)
    page.fill(statement_whose="Mine").rerun()
    assert page.metrics["Total"] == "$1.23 +"


def test_alice_sees_herself_only(visit: Visitor, booked: None, alice: User) -> None:
    page = visit(alice).open(navigation.STATEMENT, month="2026-10")
    assert not page.app.exception
    assert page.metrics["Pool"] == "$1.23 +"
    assert "charlie@example.com" not in page.text
    assert [tab.label for tab in page.app.tabs] == ["Overview", "By person", "By agent", "By model"]


def test_a_department_is_chosen_and_adjusted(visit: Visitor, page_core: Core, booked: None, root: User) -> None:
    page = visit(root).open(navigation.STATEMENT)
    page.press("statement_adjust")
    page.fill(
        statement_adjust_department="hr", statement_adjust_amount="-0.29", statement_adjust_reason="Credit $1 or $2"
    )
    page.press_in_dialog("statement_adjust", "statement_adjust_add")
    (made,) = page_core.statements.get(root, "2026-10").adjustments
    assert (made.department, made.micros, made.reason) == ("hr", -290_000, "Credit $1 or $2")
    page = visit(root).open(navigation.STATEMENT)
    assert page.metrics["Total"] == "$5.50 +"
    page.fill(statement_whose="HR").rerun()
    assert page.metrics["Total"] == "$0.94 +"
    assert "Close month" not in page.buttons  # the month is closed as a whole
    opener = f"statement_reverse_{made.id}"
    page.press(opener).press_in_dialog(opener, "statement_reverse_yes")
    assert page_core.statements.get(root, "2026-10").total_micros == 5_790_000


def test_costs_are_shared_by_a_rule(visit: Visitor, page_core: Core, booked: None, root: User) -> None:
    page = visit(root).open(navigation.STATEMENT).press("statement_cost_new")
    page.fill(statement_cost_name_new="Server", statement_cost_amount_new="20")
    page.fill(statement_cost_first_new="2026-10", statement_cost_rule_new_kind="percent")
    page.app.button(key="statement_cost_new").click()
    page.rerun()
    page.fill(statement_cost_rule_new_hr=25.0, statement_cost_rule_new_sales=74.0)
    page.press_in_dialog("statement_cost_new", "statement_cost_save")
    assert page.errors == ["The percentages add up to 99. Make them add up to exactly 100."]
    page.fill(statement_cost_rule_new_sales=75.0).press_in_dialog("statement_cost_new", "statement_cost_save")
    (cost,) = page_core.shared_costs.list(root)
    assert (cost.name, cost.amount_micros, cost.first_month, cost.last_month) == (
        "Server",
        20_000_000,
        "2026-10",
        None,
    )
    assert cost.rule == Rule("percent", {"sales": 7_500, "hr": 2_500})
    page = visit(root).open(navigation.STATEMENT)
    shares = table(page, "shares")
    assert shares[["Department", "Part"]].values.tolist() == [["Sales", "$15.00"], ["HR", "$5.00"]]

    page.press("statement_rule_default").fill(statement_rule_default_kind="heads")
    page.press_in_dialog("statement_rule_default", "statement_rule_save")
    assert page_core.shared_costs.rules(root).default == Rule("heads")
    opener = f"statement_cost_delete_{cost.id}"
    visit(root).open(navigation.STATEMENT).press(opener).press_in_dialog(opener, "statement_cost_delete_yes")
    assert page_core.shared_costs.list(root) == []
