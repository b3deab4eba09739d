"""Usage: every call and what it cost; an unknown price is never zero."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app import navigation
from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key
from core.llm.pricing import OwnPrice, Tokens
from core.runs.models import Run
from core.usage.models import CallOrigin
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit
from tests.support.stopped_clock import ShiftedClock, StoppedClock

Visitor = Callable[..., Visit]
Book = Callable[..., None]


@pytest.fixture
def book(page_core: Core, run: Run, key: Key) -> Book:
    """Write a call into the books: a thousand tokens in and a hundred out."""

    def write(model: str, dollars_per_million: int | None) -> None:
        origin = CallOrigin(run.id, "agent", run.agent_id, run.owner_id, "support", key.id, key.provider, model)
        own = None if dollars_per_million is None else OwnPrice(dollars_per_million * 1_000_000, 0)
        call_id = page_core.usage.open_call(origin, Tokens(2000, 200), own)
        page_core.usage.settle(call_id, origin, Tokens(1000, 100, 10), 1500)

    return write


def test_without_calls_alice_is_told_what_will_be_here(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.USAGE)
    assert "Nothing used in this time" in [subheader.value for subheader in page.app.subheader]
    assert not page.app.metric


def test_calls_are_added_up_by_model_and_listed(visit: Visitor, alice: User, book: Book, run: Run) -> None:
    book("small", 2)
    book("small", 2)
    book("large", 100)
    page = visit(alice).open(navigation.USAGE)
    assert not page.app.exception
    assert page.metrics == {"Spend": "$0.1040", "Model calls": "3", "Tokens in": "3.0 k", "Tokens out": "300"}
    by_model, calls = (frame.value for frame in page.app.dataframe)
    assert list(by_model["model"]) == ["large", "small"]
    assert list(by_model["calls"]) == [1, 2]
    assert [round(spent, 6) for spent in by_model["dollars"]] == [0.1, 0.004]
    assert list(calls["Model"]) == ["large", "small", "small"]
    assert list(calls["Cost"]) == [0.1, 0.002, 0.002]
    assert set(calls["Cached"]) == {10}
    assert set(calls["Run"]) == {f"/run?id={run.id}"}
    assert len(page.app.get("plotly_chart")) == 2


def test_an_unknown_price_is_not_in_the_spend_and_says_so(visit: Visitor, alice: User, book: Book) -> None:
    book("small", 2)
    book("mystery", None)
    page = visit(alice).open(navigation.USAGE)
    assert page.metrics["Spend"] == "$0.002 +"
    assert "The price of 1 call(s) is unknown; they are not in the spend." in page.captions
    by_model, calls = (frame.value for frame in page.app.dataframe)
    assert dict(zip(by_model["model"], by_model["unpriced_calls"], strict=True)) == {"small": 0, "mystery": 1}
    assert calls["Cost"].isna().sum() == 1


def test_when_every_price_is_unknown_so_is_the_spend(visit: Visitor, alice: User, book: Book) -> None:
    book("mystery", None)
    assert visit(alice).open(navigation.USAGE).metrics["Spend"] == "unknown"


def test_the_period_decides_what_counts(
    visit: Visitor, alice: User, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    book("old", 100)
    time.advance(days=20)
    book("new", 2)
    time.advance(seconds=1)
    page = visit(alice).open(navigation.USAGE)
    assert page.metrics["Model calls"] == "2"
    page.fill(usage_period="7 days").rerun()
    assert page.metrics["Model calls"] == "1"
    assert page.metrics["Spend"] == "$0.002"


def test_the_charts_have_every_day_of_the_period(
    visit: Visitor, alice: User, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    ShiftedClock.noon(monkeypatch)
    book("small", 2)
    page = visit(alice).open(navigation.USAGE).fill(usage_period="7 days").rerun()
    today = clock.now().date()
    for chart in page.app.get("plotly_chart"):
        for day in (today, today - timedelta(days=6)):
            assert day.isoformat() in str(chart.proto)


def test_charlie_sees_no_use_of_alice(visit: Visitor, charlie: User, book: Book) -> None:
    book("small", 2)
    page = visit(charlie).open(navigation.USAGE)
    assert "Nothing used in this time" in [subheader.value for subheader in page.app.subheader]
    assert "small" not in [text for frame in page.app.dataframe for text in frame.value.get("model", [])]


def test_an_administrator_sees_who_spent_what(
    visit: Visitor, page_core: Core, book: Book, alice: User, agent: Agent
) -> None:
    book("fake-1", 3)
    root = page_core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    page = visit(root).open(navigation.USAGE)
    assert "Nothing used in this time" in [subheader.value for subheader in page.app.subheader]
    page.fill(usage_scope="everybody").rerun()
    assert page.metrics["Spend"] == "$0.003"
    tables = [frame.value for frame in page.app.dataframe]
    assert tables[-1][["name", "calls", "dollars"]].values.tolist() == [["Alice", 1, 0.003]]
    assert "Calls" not in [subheader.value for subheader in page.app.subheader]


def test_alice_is_offered_nobody_elses_use(visit: Visitor, book: Book, alice: User) -> None:
    book("fake-1", 3)
    page = visit(alice).open(navigation.USAGE)
    with pytest.raises(KeyError):
        page.app.get_by_key("usage_scope")
