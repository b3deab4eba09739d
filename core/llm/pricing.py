"""What a call used and cost. An unknown cost is None: unknown is never shown as zero."""

from __future__ import annotations

from dataclasses import dataclass


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
