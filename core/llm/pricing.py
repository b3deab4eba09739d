"""What a call costs, in micro-dollars, from published prices, the key's own, or nothing on own hardware.

An unknown price is None: unknown is never shown as zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.metadata import version

from core.llm.base import Pricing

MICROS = Decimal(1_000_000)


@dataclass(frozen=True)
class Tokens:
    """What a provider counted for one call; ``cached`` of ``input`` were read from its cache."""

    input: int
    output: int
    cached: int = 0


@dataclass(frozen=True)
class OwnPrice:
    """A custom endpoint's price in micro-dollars per million tokens."""

    input_micros_per_million: int
    output_micros_per_million: int


@dataclass(frozen=True)
class Cost:
    """The cost of a call: ``micros`` is None while the price is unknown; ``version`` says whose price it was."""

    micros: int | None
    version: str


def cost_of(pricing: Pricing, provider: str, model: str, tokens: Tokens, own: OwnPrice | None) -> Cost:
    """Return what a call of ``tokens`` costs."""
    if pricing == "free" and own is None:
        return Cost(0, "own hardware")
    if own is not None:
        micros = (
            Decimal(tokens.input) * own.input_micros_per_million
            + Decimal(tokens.output) * own.output_micros_per_million
        ) / MICROS
        return Cost(_whole(micros), "own price")
    if pricing == "own":
        return Cost(None, "unknown")
    return _published(provider, model, tokens)


def _published(provider: str, model: str, tokens: Tokens) -> Cost:
    # Bundled data of the package; its file is parsed once, on the first call.
    from genai_prices import Usage, calc_price

    usage = Usage(input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached or None)
    try:
        price = calc_price(usage, model, provider_id=provider)
    except (LookupError, ValueError):  # not in the catalogue, or counts that contradict each other
        return Cost(None, "unknown")
    return Cost(_whole(price.total_price * MICROS), _catalogue_version())


@lru_cache
def _catalogue_version() -> str:
    return f"genai-prices {version('genai-prices')}"


def _whole(micros: Decimal) -> int:
    return int(micros.quantize(Decimal(1), rounding=ROUND_HALF_UP))
