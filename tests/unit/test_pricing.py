"""A price is the key's own, a set one, the published one, zero on own hardware, or unknown; never a guess."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version

import pytest
from genai_prices import Usage, calc_price, data_snapshot
from genai_prices.data import providers as listed
from hypothesis import given
from hypothesis import strategies as st

from core.llm.pricing import Cost, OwnPrice, Tokens
from core.llm.registry import all_providers
from core.prices.catalogue import RELEASED, catalogue, published
from core.prices.models import FREE, UNKNOWN, Price, Step, UnitPrice

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PROVIDERS = [p.name for p in all_providers().values() if p.pricing == "catalogue"]


def cost_of(provider: str, model: str, tokens: Tokens) -> Cost:
    return published(provider, model, NOW).cost_of(tokens)


# --- published prices ----------------------------------------------------------------------------


def _catalogued() -> dict[tuple[str, str], Price]:
    """Every model that the catalogue lists for a provider of ours and that has a price for tokens."""
    ids = {name: data_snapshot.find_provider_by_id(listed, name) for name in PROVIDERS}
    found = [(name, model.id) for name, provider in ids.items() if provider for model in provider.models]
    return {model: price for model in found if (price := published(*model, NOW)).is_known}


CATALOGUED = _catalogued()
STEPPED = [price for price in CATALOGUED.values() if len(price.steps) > 1]


def test_the_catalogue_is_there_with_its_long_context_prices() -> None:
    assert len(CATALOGUED) > 200
    assert len(STEPPED) > 10
    assert {name for name, _ in CATALOGUED} == set(PROVIDERS)


def test_every_published_price_is_the_catalogues_own_to_the_micro_dollar() -> None:
    for (provider, model), price in CATALOGUED.items():
        starts = [step.from_input_tokens for step in price.steps]
        for input_tokens in {1, 1000, 123_457, *(max(1, start + n) for start in starts for n in (-1, 0, 1))}:
            tokens = Tokens(input_tokens, 7_919, input_tokens // 3)
            usage = Usage(
                input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached or None
            )
            exact = calc_price(usage, model, provider_id=provider, genai_request_timestamp=NOW).total_price
            cost = price.cost_of(tokens)
            assert cost.micros is not None
            assert abs(Decimal(cost.micros) - exact * 1_000_000) <= Decimal("0.5"), (provider, model, tokens)
            assert cost.version == f"genai-prices {version('genai-prices')}"


def test_a_known_bill_is_priced_right() -> None:
    # openai.com/api/pricing, gpt-4o: 2.50 in, 1.25 cached, 10.00 out, per million
    cost = cost_of("openai", "gpt-4o", Tokens(1_000_000, 100_000, 400_000))
    assert cost.micros == 1_500_000 + 500_000 + 1_000_000


@pytest.mark.parametrize(
    ("provider", "model", "input_dollars", "cached_dollars", "output_dollars"),
    [
        ("anthropic", "claude-sonnet-4-5", 3, 0.30, 15),
        ("anthropic", "claude-haiku-4-5-20251001", 1, 0.10, 5),
        ("gemini", "gemini-2.5-flash", 0.30, 0.03, 2.50),
        ("mistral", "mistral-small-latest", 0.15, 0.015, 0.60),
        ("groq", "llama-3.3-70b-versatile", 0.59, 0.59, 0.79),  # this one has no price of its own for cached input
    ],
)
def test_each_providers_known_bill_is_priced_right(
    provider: str, model: str, input_dollars: float, cached_dollars: float, output_dollars: float
) -> None:
    """Dollars per million tokens, from the providers' price lists; cached input is priced as such."""
    cost = cost_of(provider, model, Tokens(100_000, 10_000, 40_000))
    expected = 60_000 * input_dollars + 40_000 * cached_dollars + 10_000 * output_dollars
    assert cost.micros == round(expected)
    assert cost.version.startswith("genai-prices ")


SUGGESTED = [
    (provider.name, model)
    for provider in all_providers().values()
    if provider.pricing == "catalogue"
    for model in provider.example_models
]


@pytest.mark.parametrize(("provider", "model"), SUGGESTED)
def test_every_model_that_the_forms_suggest_has_a_price(provider: str, model: str) -> None:
    assert cost_of(provider, model, Tokens(1000, 10)).micros is not None


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        *(("openai", "a-model-of-tomorrow"), ("openai", ""), ("nobody", "gpt-4o"), ("openai", "x" * 10_000)),
        # Listed, and billed by other things than the tokens of a chat: that is not a price of nothing.
        *(("openai", "whisper-1"), ("openai", "text-embedding-3-small"), ("gemini", "gemma-3")),
        ("mistral", "mistral-ocr-latest"),
    ],
)
def test_a_model_without_a_price_for_tokens_has_no_known_price(provider: str, model: str) -> None:
    assert published(provider, model, NOW) == UNKNOWN
    assert cost_of(provider, model, Tokens(1000, 10)) == Cost(None, "unknown")


@pytest.mark.parametrize("tokens", [Tokens(10, 5, cached=20), Tokens(10, -1), Tokens(-1, 5), Tokens(10, 5, -1)])
def test_counts_that_contradict_each_other_have_no_known_price(tokens: Tokens) -> None:
    assert cost_of("openai", "gpt-4o", tokens) == Cost(None, "unknown")
    assert Price.own(OwnPrice(1, 1)).cost_of(tokens) == Cost(None, "unknown")


def test_a_price_that_changes_holds_from_midnight_utc() -> None:
    """The catalogue's own example: mistral-small-latest has cost something else since a day in it."""
    model = next(
        (name, m.id, min(c.constraint.start_date for c in m.prices if c.constraint))
        for name in PROVIDERS
        if (provider := data_snapshot.find_provider_by_id(listed, name))
        for m in provider.models
        if isinstance(m.prices, list) and len(m.prices) == 2 and published(name, m.id, NOW).is_known
    )
    name, model_id, day = model
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    before, after = (published(name, model_id, at) for at in (midnight.replace(year=day.year - 1), midnight))
    last = published(name, model_id, datetime.fromtimestamp(midnight.timestamp() - 0.000_001, UTC))
    assert last == before != after


def test_the_prices_are_the_bundled_ones_of_a_known_day() -> None:
    """When the package is updated, its day of release is written down in ``core.prices.catalogue``."""
    assert list(RELEASED) == [version("genai-prices")]
    assert catalogue().released_on is not None
    assert date(2025, 1, 1) < catalogue().released_on
    assert data_snapshot._custom_snapshot is None
    assert calc_price(Usage(), "gpt-4o", provider_id="openai").auto_update_timestamp is None


# --- the most a call can cost ---------------------------------------------------------------------


@st.composite
def calls_within_bounds(draw: st.DrawFn) -> tuple[Tokens, Tokens]:
    """A bound, and a call that keeps to it."""
    bound = Tokens(draw(st.integers(0, 2_000_000)), draw(st.integers(0, 200_000)))
    used = draw(st.integers(0, bound.input))
    return bound, Tokens(used, draw(st.integers(0, bound.output)), draw(st.integers(0, used)))


def _holds(price: Price, bound: Tokens, tokens: Tokens) -> bool:
    most, cost = price.at_most(bound).cost_of(bound).micros, price.cost_of(tokens).micros
    return most is not None and cost is not None and cost <= most


@given(calls_within_bounds())
def test_no_call_within_its_bound_costs_more_than_was_held_for_it(drawn: tuple[Tokens, Tokens]) -> None:
    bound, tokens = drawn
    assert [model for model, price in CATALOGUED.items() if not _holds(price, bound, tokens)] == []


def test_a_bound_across_a_step_of_the_price_is_held_at_the_higher_one() -> None:
    for price in STEPPED:
        for step in price.steps:
            at = step.from_input_tokens
            for bound, used in ((at + 1, at), (at, max(0, at - 1)), (at, at)):
                assert _holds(price, Tokens(bound, 10), Tokens(used, 10)), (price, at)


unit_prices = st.builds(UnitPrice, *(st.integers(0, 10**12) for _ in range(3)))


@given(st.lists(st.tuples(st.integers(1, 2_000_000), unit_prices), max_size=4), unit_prices, calls_within_bounds())
def test_no_price_of_any_form_breaks_the_bound(
    steps: list[tuple[int, UnitPrice]], base: UnitPrice, drawn: tuple[Tokens, Tokens]
) -> None:
    """Not even one at which more tokens or cached ones cost less."""
    later = sorted({start: Step(start, unit) for start, unit in steps}.values(), key=lambda s: s.from_input_tokens)
    assert _holds(Price("catalogue", "v", (Step(0, base), *later)), *drawn)


# --- arithmetic -----------------------------------------------------------------------------------


@given(
    tokens=st.builds(Tokens, st.integers(0, 10**9), st.integers(0, 10**9)),
    own=st.builds(OwnPrice, st.integers(0, 10**12), st.integers(0, 10**12)),
)
def test_an_own_price_is_exact_and_rounded_half_up(tokens: Tokens, own: OwnPrice) -> None:
    exact = tokens.input * own.input_micros_per_million + tokens.output * own.output_micros_per_million
    assert Price.own(own).cost_of(tokens) == Cost((exact + 500_000) // 1_000_000, "own price")


@pytest.mark.parametrize(("tokens", "micros"), [(499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)])
def test_half_a_micro_dollar_is_rounded_up_once_for_the_whole_call(tokens: int, micros: int) -> None:
    unit = UnitPrice(1, 1, 1)
    assert unit.cost_micros(Tokens(tokens, 0)) == micros
    assert unit.cost_micros(Tokens(tokens // 2, tokens - tokens // 2, tokens // 4)) == micros


def test_own_hardware_costs_nothing_and_an_unknown_price_is_not_nothing() -> None:
    assert FREE.cost_of(Tokens(10**9, 10**9)) == Cost(0, "own hardware")
    assert UNKNOWN.cost_of(Tokens(10, 10)) == UNKNOWN.at_most(Tokens(10, 10)).cost_of(Tokens(10, 10))
    assert UNKNOWN.cost_of(Tokens(0, 0)) == Cost(None, "unknown")
    assert not UNKNOWN.is_known


# --- as a row of the books keeps it ---------------------------------------------------------------


@pytest.mark.parametrize("price", [FREE, UNKNOWN, Price.own(OwnPrice(1, 2)), STEPPED[0]])
def test_a_price_comes_back_from_the_books_as_it_was(price: Price) -> None:
    assert Price.of_stored(price.stored(), price.version) == price


@given(tokens=st.builds(Tokens, st.integers(300_000, 10**7), st.integers(0, 10**5), st.integers(0, 300_000)))
def test_what_a_call_was_billed_with_alone_gives_its_cost_again(tokens: Tokens) -> None:
    for price in STEPPED:
        kept = price.for_call(tokens).stored()
        assert kept is not None
        assert set(kept) == {"source", "input", "cached", "output"}
        assert Price.of_stored(kept, price.version).cost_of(tokens) == price.cost_of(tokens)
