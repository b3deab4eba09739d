"""How prices read and how they are typed. Pure functions; prices are per million tokens."""

from __future__ import annotations

from app.ui import amounts, answer, formats
from core.money import dollars
from core.prices.models import HIGHEST_MICROS_PER_MILLION, Price, Source, UnitPrice

_WISH = "Enter a price such as 0.40, in dollars per million tokens."

SOURCES: dict[Source, tuple[str, formats.Colour]] = {
    "own": ("Price of the key", "blue"),
    "override": ("Set here", "violet"),
    "catalogue": ("Published", "gray"),
    "free": ("Own hardware", "green"),
    "unknown": ("Price unknown", "orange"),
}


def name(model: str) -> str:
    """Return the name of a model as Markdown; one that is set for many ends in a star."""
    return answer.harmless(model).replace("*", r"\*")


def short(price: Price) -> str:
    """Show what a model costs in one line, as short calls are billed."""
    if not price.is_known:
        return f"price {formats.UNKNOWN}"
    if price.source == "free":
        return "no cost: own hardware"
    unit = price.steps[0].unit
    at_least = "from " if price.steps[1:] else ""
    return f"{at_least}{dollars(unit.input)} in, {dollars(unit.output)} out per million tokens"


def details(price: Price) -> str:
    """Show what the short line leaves out: cached input and the steps of long calls, if any."""
    if not price.is_known:
        return ""
    first, *later = price.steps
    lines = [f"Cached input: {dollars(first.unit.cached)}."] if first.unit.cached != first.unit.input else []
    lines += [
        f"Calls with {step.from_input_tokens:,} input tokens or more: {unit_line(step.unit)}." for step in later
    ]
    return " ".join(lines)


def unit_line(unit: UnitPrice) -> str:
    """Show one price with its three parts."""
    cached = f"{dollars(unit.cached)} cached, " if unit.cached != unit.input else ""
    return f"{dollars(unit.input)} in, {cached}{dollars(unit.output)} out"


def billed(price: Price) -> str:
    """Show the price that a call was billed with, for a cell of a table: input, cached input, output."""
    if not price.is_known:
        return formats.UNKNOWN
    unit = price.steps[0].unit
    return " / ".join(dollars(micros) for micros in (unit.input, unit.cached, unit.output))


def micros_of(typed: str) -> int | None:
    """Return dollars that somebody typed as micro-dollars, exactly; None when nothing was typed.

    Raises:
        Invalid: this is no price, or it is finer than a micro-dollar.
    """
    # A price is no sum of thousands: the comma is a decimal one.
    return amounts.exactly(typed.replace(",", "."), HIGHEST_MICROS_PER_MILLION, _WISH, "a price")
