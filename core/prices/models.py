"""Prices and what they make of a call. Money is micro-dollars, prices are per million tokens, days are UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from core.llm.pricing import Cost, OwnPrice, Tokens

# Whose price it is: the key's, an administrator's, the published one, none on own hardware, or nobody's.
Source = Literal["own", "override", "catalogue", "free", "unknown"]
State = Literal["in force", "planned", "replaced", "ended"]

HIGHEST_MICROS_PER_MILLION = 10**12
FRESH_DAYS = 90
MILLION = 1_000_000


@dataclass(frozen=True)
class UnitPrice:
    """What a million tokens cost, in micro-dollars; ``cached`` is for input that came from the provider's cache."""

    input: int
    cached: int
    output: int

    def cost_micros(self, tokens: Tokens) -> int:
        """Return what a call costs: summed up exactly, then rounded half up, once."""
        exact = (
            (tokens.input - tokens.cached) * self.input + tokens.cached * self.cached + tokens.output * self.output
        )
        return (exact + MILLION // 2) // MILLION


@dataclass(frozen=True)
class Step:
    """The price of calls with ``from_input_tokens`` or more; it then holds for all their tokens."""

    from_input_tokens: int
    unit: UnitPrice


@dataclass(frozen=True)
class Price:
    """What a model costs: ``steps`` ascend from 0 input tokens; there are none while the price is unknown.

    ``version`` says in the books whose price it was.
    """

    source: Source
    version: str
    steps: tuple[Step, ...] = ()

    @classmethod
    def flat(cls, source: Source, version: str, unit: UnitPrice) -> Price:
        """Return a price that is the same for long and short calls."""
        return cls(source, version, (Step(0, unit),))

    @classmethod
    def own(cls, price: OwnPrice) -> Price:
        """Return the price that a key's owner gave it; cached input costs what input costs."""
        rate = price.input_micros_per_million
        return cls.flat("own", "own price", UnitPrice(rate, rate, price.output_micros_per_million))

    @property
    def is_known(self) -> bool:
        """Whether anybody says what this costs."""
        return bool(self.steps)

    def for_call(self, tokens: Tokens) -> Price:
        """Return the one price that a call of ``tokens`` is billed with; unknown when the counts contradict."""
        reached = [step.unit for step in self.steps if step.from_input_tokens <= tokens.input]
        if not reached or not 0 <= tokens.cached <= tokens.input or tokens.output < 0:
            return UNKNOWN
        return Price.flat(self.source, self.version, reached[-1])

    def at_most(self, bound: Tokens) -> Price:
        """Return a price at which ``bound`` costs no less than any call within it: no step and no cache helps."""
        reached = [step.unit for step in self.steps if step.from_input_tokens <= bound.input]
        if not reached:
            return UNKNOWN
        most = max(max(unit.input, unit.cached) for unit in reached)
        return Price.flat(self.source, self.version, UnitPrice(most, most, max(unit.output for unit in reached)))

    def cost_of(self, tokens: Tokens) -> Cost:
        """Return what a call of ``tokens`` costs."""
        price = self.for_call(tokens)
        return Cost(price.steps[0].unit.cost_micros(tokens) if price.is_known else None, price.version)

    def stored(self) -> dict[str, Any] | None:
        """Return the price as a row of the books keeps it; None while it is unknown."""
        if not self.steps:
            return None
        kept: dict[str, Any] = {"source": self.source, **_stored(self.steps[0].unit)}
        if self.steps[1:]:
            kept["steps"] = [{"from": s.from_input_tokens, **_stored(s.unit)} for s in self.steps[1:]]
        return kept

    @classmethod
    def of_stored(cls, kept: Mapping[str, Any] | None, version: str) -> Price:
        """Return the price that a row of the books has kept."""
        if not kept:
            return UNKNOWN
        steps = [Step(0, _unit(kept)), *(Step(s["from"], _unit(s)) for s in kept.get("steps", ()))]
        return cls(kept["source"], version, tuple(steps))


UNKNOWN = Price("unknown", "unknown")
FREE = Price.flat("free", "own hardware", UnitPrice(0, 0, 0))


@dataclass(frozen=True)
class OverrideDraft:
    """What an administrator enters: a price for a model, or for all that begin as ``model`` before its ``*``.

    ``starts_on`` None: today. ``cached`` None: cached input costs what input costs.
    """

    provider: str
    model: str
    input: int
    output: int
    starts_on: date | None
    cached: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Override:
    """A price that an administrator has set. It is never changed: it ends, and another one takes its place."""

    id: str
    provider: str
    model: str
    input: int
    cached: int | None
    output: int
    starts_on: date
    note: str
    created_by: str
    created_at: datetime
    ended_by: str | None = None
    ended_at: datetime | None = None

    @property
    def unit(self) -> UnitPrice:
        """The price per million tokens."""
        return UnitPrice(self.input, self.input if self.cached is None else self.cached, self.output)

    @property
    def price(self) -> Price:
        """The price as the books take it."""
        return Price.flat("override", f"override {self.id}", self.unit)

    def is_for(self, provider: str, model: str) -> bool:
        """Whether it says something about a model; upper and lower case are the same."""
        wanted = model.lower()
        if self.provider != provider:
            return False
        return wanted.startswith(self.model[:-1]) if self.model.endswith("*") else wanted == self.model

    def is_in_force(self, at: datetime) -> bool:
        """Whether it had been made, had begun and had not ended at a moment."""
        has_begun = self.created_at <= at and self.starts_on <= at.date()
        return has_begun and (self.ended_at is None or self.ended_at > at)


@dataclass(frozen=True)
class ModelInUse:
    """A model that agents or recent calls use; ``own_price`` is that of the keys it runs on."""

    provider: str
    model: str
    own_price: OwnPrice | None
    agents: int
    calls: int


@dataclass(frozen=True)
class ListedModel:
    """A model in use with its present price, and what was ever set for it, newest first."""

    use: ModelInUse
    price: Price
    history: tuple[Override, ...]


@dataclass(frozen=True)
class Catalogue:
    """The published prices that are bundled here: which, and of what day; None when that is not known."""

    version: str
    released_on: date | None

    def is_old(self, today: date) -> bool:
        """Whether prices may well have changed since."""
        return self.released_on is None or (today - self.released_on).days > FRESH_DAYS


def chosen(overrides: Iterable[Override], provider: str, model: str, at: datetime) -> Override | None:
    """Return the override that counts: the most exact name of those in force, and of these the latest to start."""
    fitting = [o for o in overrides if o.is_for(provider, model) and o.is_in_force(at)]
    return max(fitting, key=lambda o: (not o.model.endswith("*"), len(o.model), o.starts_on), default=None)


def state_of(override: Override, among: Iterable[Override], at: datetime) -> State:
    """Return how an override stands at a moment, ``among`` all of them."""
    if override.ended_at is not None and override.ended_at <= at:
        return "ended"
    if override.starts_on > at.date():
        return "planned"
    same = [o for o in among if (o.provider, o.model) == (override.provider, override.model) and o.is_in_force(at)]
    return "replaced" if any(o.starts_on > override.starts_on for o in same) else "in force"


def _stored(unit: UnitPrice) -> dict[str, int]:
    return {"input": unit.input, "cached": unit.cached, "output": unit.output}


def _unit(kept: Mapping[str, Any]) -> UnitPrice:
    return UnitPrice(int(kept["input"]), int(kept["cached"]), int(kept["output"]))
