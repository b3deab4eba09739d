"""Prices: models in use and what they cost, prices that an administrator sets and ends, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app import navigation
from core import clock
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key, KeyDraft
from core.llm.pricing import Tokens
from core.prices import service
from core.prices.models import Catalogue, OverrideDraft
from core.runs.models import Run
from core.usage.models import CallOrigin
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]
NEW = "prices_new"
UNKNOWN = ":material/help: The price of this model is unknown, and so is what its runs will have cost."


@pytest.fixture(autouse=True)
def catalogue_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published prices are never so old that the page warns of it."""
    monkeypatch.setattr(service, "catalogue", lambda: Catalogue("genai-prices 0", clock.now().date()))


@pytest.fixture
def unpriced(page_core: Core, alice: User, fake: FakeModelServer) -> Agent:
    """An agent of Alice on a model of which nobody says what it costs."""
    key = page_core.keys.add(alice, KeyDraft("Unpriced", "openai_compatible", "", fake.openai_url))
    return page_core.agents.create(
        alice,
        {"name": "U", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "mystery-*1"},
    )


def draft(model: str, days: int = 0, provider: str = "openai_compatible") -> OverrideDraft:
    return OverrideDraft(provider, model, 2_500_000, 10_000_000, clock.now().date() + timedelta(days=days))


def test_without_models_there_is_a_word_about_them(visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.PRICES)
    assert "No model is in use yet" in [subheader.value for subheader in page.app.subheader]
    assert "Set price" in page.buttons
    assert not page.app.warning


def test_an_unknown_price_comes_first_and_is_set_from_its_row(
    visit: Visitor, page_core: Core, root: User, unpriced: Agent, agent: Agent
) -> None:
    page = visit(root).open(navigation.PRICES)
    (warning,) = page.app.warning
    assert warning.value.startswith("No price is known for 1 model.")
    shown = [markdown.value for markdown in page.app.markdown]
    assert shown.index("**mystery-\\*1**") < shown.index("**fake-1**")
    assert not any("per million tokens" in text for text in shown[: shown.index("**fake-1**")])
    # Own prices of keys are set with the key.
    assert "Set price" in page.buttons
    with pytest.raises(KeyError):
        page.app.button(key="prices_set_1")

    place = "openai_compatible_mystery-*1"
    page.press("prices_set_0")
    page.fill(**{f"prices_model_{place}": "Mystery-*", f"prices_input_{place}": "0.15"})
    page.fill(**{f"prices_output_{place}": "$0.60", f"prices_note_{place}": "Their offer"})
    page.press_in_dialog("prices_set_0", "prices_save")
    assert not page.app.exception
    (override,) = page_core.prices.overrides(root)
    assert (override.provider, override.model, override.note) == ("openai_compatible", "mystery-*", "Their offer")
    assert (override.input, override.cached, override.output) == (150_000, None, 600_000)
    page.rerun()
    assert not page.app.warning
    assert "\\$0.15 in, \\$0.60 out per million tokens" in [markdown.value for markdown in page.app.markdown]
    assert any("Their offer" in caption for caption in page.captions)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"input": "abc", "output": "1"}, "Enter a price such as 0.40, in dollars per million tokens."),
        ({"input": "-1", "output": "1"}, "Enter a price such as 0.40, in dollars per million tokens."),
        ({"input": "1", "output": "0.0000001"}, "A price has at most six places after the point."),
        ({"input": "1"}, "Enter the price of input and of output; 0 when it costs nothing."),
        ({"input": "1", "output": "1", "model": "a*b"}, "A * stands at the end only"),
        ({"input": "1", "output": "1", "cached": "2"}, "Cached input costs no more than input"),
    ],
)
def test_what_is_no_price_gets_one_sentence_and_nothing_is_set(
    visit: Visitor, page_core: Core, root: User, fields: dict[str, str], sentence: str
) -> None:
    page = visit(root).open(navigation.PRICES).press(NEW)
    page.fill(**{f"prices_{name}__": value for name, value in {"model": "gpt-4o", **fields}.items()})
    page.press_in_dialog(NEW, "prices_save")
    assert len(page.errors) == 1
    assert page.errors[0].startswith(sentence)
    assert page_core.prices.overrides(root) == []


def test_a_price_is_ended_and_stays_in_the_history(
    visit: Visitor, page_core: Core, root: User, unpriced: Agent
) -> None:
    override = page_core.prices.set(root, draft("mystery*"))
    planned = page_core.prices.set(root, draft("mystery*", days=5))
    page = visit(root).open(navigation.PRICES)
    page.press(f"prices_end_{override.id}").press_in_dialog(f"prices_end_{override.id}", "prices_end_yes")
    page.rerun()
    assert {o.id: o.ended_by for o in page_core.prices.overrides(root)} == {override.id: "Root", planned.id: None}
    (ended,) = (frame.value for frame in page.app.dataframe)
    assert ended[["Model", "State", "Price", "Ended by"]].values.tolist() == [
        ["mystery*", "Ended", "$2.50 in, $10.00 out", "Root"]
    ]
    page.press("prices_history_0")
    assert sorted(len(frame.value) for frame in page.app.dataframe) == [1, 2]


def test_old_published_prices_are_warned_of(
    visit: Visitor, root: User, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not visit(root).open(navigation.PRICES).app.warning
    for released_on, told in ((date(2025, 1, 2), "are of 2025-01-02, "), (None, "are of an unknown day")):
        monkeypatch.setattr(service, "catalogue", lambda day=released_on: Catalogue("genai-prices 0", day))
        (warning,) = visit(root).open(navigation.PRICES).app.warning
        assert told in warning.value


# --- beside the model in an agent's form ------------------------------------------------------------


def captions_of_form(visit: Visitor, who: User, agent: Agent) -> list[str]:
    page = visit(who).open(navigation.AGENT, id=agent.id)
    assert not page.app.exception
    return page.captions


def test_alice_sees_what_a_model_costs_where_she_chooses_it(
    visit: Visitor, page_core: Core, alice: User, root: User, agent: Agent, unpriced: Agent
) -> None:
    assert "\\$2.00 in, \\$8.00 out per million tokens" in captions_of_form(visit, alice, agent)
    assert UNKNOWN in captions_of_form(visit, alice, unpriced)
    page_core.prices.set(root, draft("mystery-*"))
    assert UNKNOWN not in captions_of_form(visit, alice, unpriced)


def test_alice_is_warned_of_an_unknown_price_on_the_organisations_key(
    visit: Visitor, page_core: Core, alice: User, unpriced: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = page_core.keys.list
    monkeypatch.setattr(
        type(page_core.keys), "list", lambda _, *asked: [replace(key, is_pool=True) for key in real(*asked)]
    )
    page = visit(alice).open(navigation.AGENT, id=unpriced.id)
    assert [w.value for w in page.app.warning if w.value.startswith("The price of this model is unknown")]


# --- in the books -----------------------------------------------------------------------------------


def test_the_usage_page_shows_what_each_call_was_billed_with(
    visit: Visitor, page_core: Core, alice: User, run: Run, key: Key
) -> None:
    origin = CallOrigin(run.id, "agent", run.agent_id, run.owner_id, "support", key.id, key.provider, "m")
    usage = page_core.usage
    for own in (key.own_price, None):
        usage.settle(usage.open_call(origin, Tokens(10, 10), own), origin, Tokens(10, 10), 1)
    usage.fail(usage.open_call(origin, Tokens(10, 10)), "bad_key", 1)
    frames = [frame.value for frame in visit(alice).open(navigation.USAGE).app.dataframe]
    assert list(frames[-1]["Price"]) == ["–", "unknown", "$2.00 / $2.00 / $8.00"]
    assert frames[-1]["Cost"].isna().tolist() == [False, True, False]


def test_a_model_whose_every_price_is_unknown_has_no_spend_of_zero(
    visit: Visitor, page_core: Core, alice: User, root: User, run: Run, key: Key
) -> None:
    origin = CallOrigin(run.id, "agent", run.agent_id, run.owner_id, "support", key.id, key.provider, "m")
    page_core.usage.settle(page_core.usage.open_call(origin, Tokens(9, 9)), origin, Tokens(9, 9), 1)
    assert visit(alice).open(navigation.USAGE).app.dataframe[0].value["dollars"].isna().all()
    page = visit(root).open(navigation.USAGE).fill(usage_scope="everybody").rerun()
    assert [frame.value["dollars"].isna().all() for frame in page.app.dataframe] == [True, True]
