"""Amounts that people type, in dollars and exactly: never by way of a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from core import money
from core.budgets.models import MAX_LIMIT_MICROS
from core.errors import Invalid


def micros(typed: str) -> int | None:
    """Return dollars as micro-dollars; None when nothing was typed.

    Raises:
        Invalid: this is no amount of 0 to ten million dollars with six places after the point at most.
    """
    text = typed
    if "," in text and "." not in text and len(text.rstrip().rpartition(",")[2]) != 3:
        text = text.replace(",", ".")  # a decimal comma; 1,000 is a thousand
    return exactly(
        text.replace(",", ""), MAX_LIMIT_MICROS, "Enter an amount such as 12.50, in dollars.", "an amount"
    )


def signed(typed: str) -> int | None:
    """Return dollars as micro-dollars, below zero with a minus before them; raises as ``micros``."""
    text = typed.strip()
    is_negative = text.startswith(("-", "−"))
    amount = micros(text[1:] if is_negative else text)
    return -amount if is_negative and amount is not None else amount


def needed(amount_micros: int | None, field: str) -> int:
    """Return an amount that has to be there.

    Raises:
        Invalid: nothing was typed.
    """
    if amount_micros is None:
        raise Invalid("Enter an amount such as 12.50, in dollars.", field)
    return amount_micros


def exactly(typed: str, highest_micros: int, wish: str, what: str) -> int | None:
    """Return dollars as micro-dollars, exactly; None when nothing was typed.

    Raises:
        Invalid: ``wish``, or that ``what`` is finer than a micro-dollar: "a price", "an amount".
    """
    text, field = typed.strip().removeprefix("$").strip(), what.split()[-1]
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    # Asked before it becomes a whole number: the digits of 1e900000 would keep the process busy for minutes.
    if not amount.is_finite() or not 0 <= amount <= highest_micros // 1_000_000:
        raise Invalid(wish, field)
    found = int(amount.scaleb(6))
    if Decimal(found).scaleb(-6) != amount:  # compared digit by digit, however many there are
        raise Invalid(f"{what.capitalize()} has at most six places after the point.", field)
    return found


def dollars(amount_micros: int) -> str:
    """Return micro-dollars as somebody would type them: 12.50, 0.0004."""
    return money.dollars(amount_micros).removeprefix("$").replace(",", "")
