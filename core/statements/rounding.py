"""Splits whole numbers into whole parts that add up: shared costs to the micro-dollar, shown amounts to the cent.

The rule is the largest remainder method, also known as Hamilton's or Hare-Niemeyer (M. L. Balinski and H. P. Young,
"Fair Representation", 2nd ed. 2001, chapter 3 and appendix A): everybody gets their exact share rounded down, and
what is left goes, one each, to the largest remainders. Equal remainders are served in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence

MICROS_PER_CENT = 10_000


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Return parts of ``amount`` in proportion to ``weights``; they add up to it exactly.

    Whoever weighs nothing gets nothing, and nobody gets less than somebody who weighs less.

    Raises:
        ValueError: the amount or a weight is negative, or nothing weighs anything.
    """
    whole = sum(weights)
    if amount < 0 or whole <= 0 or min(weights) < 0:
        raise ValueError("cannot split in these proportions")
    parts = [amount * weight // whole for weight in weights]
    _hand_out(parts, amount - sum(parts), [amount * weight % whole for weight in weights])
    return parts


def rounded_cents(micros: int) -> int:
    """Return micro-dollars as cents; half a cent rounds up."""
    return (micros + MICROS_PER_CENT // 2) // MICROS_PER_CENT


def cents_of(amounts: Sequence[int], total_cents: int | None = None) -> list[int]:
    """Return micro-dollars, which may be negative, as cents that add up to ``total_cents``.

    Without one it is their sum, rounded. Each is its amount rounded down or up; what is whole cents stays as it is.

    Raises:
        ValueError: the total is not their sum rounded down or up.
    """
    total = rounded_cents(sum(amounts)) if total_cents is None else total_cents
    if abs(total * MICROS_PER_CENT - sum(amounts)) >= MICROS_PER_CENT:
        raise ValueError("this is not the sum of these amounts")
    parts = [amount // MICROS_PER_CENT for amount in amounts]
    _hand_out(parts, total - sum(parts), [amount % MICROS_PER_CENT for amount in amounts])
    return parts


def _hand_out(parts: list[int], units: int, remainders: Sequence[int]) -> None:
    for place in sorted(range(len(parts)), key=lambda place: -remainders[place])[:units]:
        parts[place] += 1
