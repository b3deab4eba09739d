"""A cost is the published price, the key's own, zero on own hardware, or unknown; never a guess."""

from __future__ import annotations

from decimal import Decimal
from importlib.metadata import version

import pytest
from genai_prices import Usage, calc_price
from hypothesis import given
from hypothesis import strategies as st

from core.llm.pricing import Cost, OwnPrice, Tokens, cost_of
from core.llm.registry import all_providers


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"])
@pytest.mark.parametrize("tokens", [Tokens(1000, 500), Tokens(123_457, 7_919, 100_003), Tokens(1, 1)])
def test_a_published_price_is_the_catalogues_own_to_the_micro_dollar(model: str, tokens: Tokens) -> None:
    published = calc_price(
        Usage(input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached or None),
        model,
        provider_id="openai",
    ).total_price
    cost = cost_of("catalogue", "openai", model, tokens, None)
    assert cost.micros is not None
    assert abs(Decimal(cost.micros) - published * 1_000_000) <= Decimal("0.5")
    assert cost.version == f"genai-prices {version('genai-prices')}"


def test_a_known_bill_is_priced_right() -> None:
    # openai.com/api/pricing, gpt-4o: 2.50 in, 1.25 cached, 10.00 out, per million
    cost = cost_of("catalogue", "openai", "gpt-4o", Tokens(1_000_000, 100_000, 400_000), None)
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
    cost = cost_of("catalogue", provider, model, Tokens(100_000, 10_000, 40_000), None)
    expected = 60_000 * input_dollars + 40_000 * cached_dollars + 10_000 * output_dollars
    assert cost.micros == round(expected)
    assert cost.version.startswith("genai-prices ")


CATALOGUED = [
    (provider.name, model)
    for provider in all_providers().values()
    if provider.pricing == "catalogue"
    for model in provider.example_models
]


@pytest.mark.parametrize(("provider", "model"), CATALOGUED)
def test_every_model_that_the_forms_suggest_has_a_price(provider: str, model: str) -> None:
    assert cost_of("catalogue", provider, model, Tokens(1000, 10), None).micros is not None


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openai", "a-model-of-tomorrow"), ("openai", ""), ("nobody", "gpt-4o"), ("openai", "x" * 10_000)],
)
def test_an_unlisted_model_has_no_known_price(provider: str, model: str) -> None:
    assert cost_of("catalogue", provider, model, Tokens(1000, 10), None) == Cost(None, "unknown")


def test_counts_that_contradict_each_other_have_no_known_price() -> None:
    assert cost_of("catalogue", "openai", "gpt-4o", Tokens(10, 5, cached=20), None) == Cost(None, "unknown")


def test_an_own_endpoint_without_a_price_is_unknown_and_not_zero() -> None:
    assert cost_of("own", "openai_compatible", "gpt-4o", Tokens(1000, 10), None).micros is None


def test_own_hardware_is_free_unless_the_key_has_a_price() -> None:
    assert cost_of("free", "ollama", "llama3", Tokens(10**9, 10**9), None).micros == 0
    assert cost_of("free", "vllm", "llama3", Tokens(10**9, 10**9), OwnPrice(1, 1)).micros == 2000


@given(
    tokens=st.builds(Tokens, st.integers(0, 10**9), st.integers(0, 10**9)),
    own=st.builds(OwnPrice, st.integers(0, 10**12), st.integers(0, 10**12)),
)
def test_an_own_price_is_exact_and_rounded_half_up(tokens: Tokens, own: OwnPrice) -> None:
    cost = cost_of("own", "openai_compatible", "any", tokens, own)
    exact = tokens.input * own.input_micros_per_million + tokens.output * own.output_micros_per_million
    assert cost == Cost((exact + 500_000) // 1_000_000, "own price")


def test_an_own_price_beats_the_published_one() -> None:
    assert cost_of("catalogue", "openai", "gpt-4o", Tokens(10**6, 0), OwnPrice(3, 4)).micros == 3
