"""Amounts that people type, in dollars and exactly: never by way of a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from core.errors import Invalid

HIGHEST = 10_000_000


def micros(typed: str) -> int | None:
    """Return dollars as micro-dollars; None when nothing was typed.

    Raises:
        Invalid: this is no amount of 0 to ten million dollars with six decimals at most.
    """
    text = typed.strip().removeprefix("$").strip()
    if not text:
        return None
    if "," in text and "." not in text and len(text.rpartition(",")[2]) != 3:
        text = text.replace(",", ".")  # a decimal comma; 1,000 is a thousand
    try:
        amount = Decimal(text.replace(",", ""))
    except InvalidOperation:
        amount = Decimal("nan")
    # Asked before it becomes a whole number: the digits of 1e900000 would keep the process busy for minutes.
    if not amount.is_finite() or not 0 <= amount <= HIGHEST or (found := amount * 1_000_000) != int(found):
        raise Invalid("Enter an amount such as 12.50, in dollars.", "amount")
    return int(found)


def dollars(amount_micros: int) -> str:
    """Return micro-dollars as somebody would type them: 12.50, 0.0004."""
    whole, rest = divmod(amount_micros, 1_000_000)
    return f"{whole}.{f'{rest:06}'.rstrip('0'):0<2}"
