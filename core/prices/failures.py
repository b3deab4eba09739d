"""How the price book refuses a call."""

from __future__ import annotations

from core.errors import CoreError


class PriceUnknown(CoreError):
    """The price of {model} is unknown, so it cannot run on the organisation's key.

    An administrator can set a price for it on the page Prices, or choose another model.
    """

    code = "price_unknown"
