"""The published prices: the data that the package genai-prices brings along. Nothing is fetched.

Its updater would fetch newer ones; it is never started.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from core.prices.models import UNKNOWN, Catalogue, Price, Step, UnitPrice

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

# The day on which a version was published, from the package index: the package itself does not say.
# A test holds it against the version that is installed.
RELEASED = {"0.2.3": date(2026, 11, 10)}
MICROS = 1_000_000


def published(provider: str, model: str, at: datetime) -> Price:
    """Return a provider's published price of a model; unknown unless input and output tokens both have one.

    The catalogue also lists models that are billed by the hour or not at all for text: for these, tokens have no
    price there, which is not the same as a price of nothing.
    """
    # Its data is parsed once, on the first call: 0.2 s and 20 MB.
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(), model, provider_id=provider, genai_request_timestamp=at).model_price
    except (LookupError, ValueError):  # not listed, or a price that makes no sense
        return UNKNOWN
    given = (found.input_mtok, found.cache_read_mtok, found.output_mtok)
    if given[0] is None or given[2] is None:
        return UNKNOWN
    prices = (given[0], given[0] if given[1] is None else given[1], given[2])
    starts = sorted({0, *(tier.start + 1 for price in prices for tier in getattr(price, "tiers", ()))})
    steps = (Step(start, UnitPrice(*(_micros(price, start) for price in prices))) for start in starts)
    return Price("catalogue", catalogue().version, tuple(steps))


@lru_cache
def catalogue() -> Catalogue:
    """Return which published prices these are."""
    installed = version("genai-prices")
    return Catalogue(f"genai-prices {installed}", RELEASED.get(installed))


def _micros(price: Decimal | TieredPrices, input_tokens: int) -> int:
    """Return what a million tokens cost in a call with so much input."""
    if not isinstance(price, Decimal):
        # A tier holds above its start, and then for every token of the call.
        reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
        price = reached[-1] if reached else price.base
    return int((price * MICROS).to_integral_value())
