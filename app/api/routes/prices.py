"""Prices: what models cost, who says so, and the prices that administrators set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Day, Id, Input, Output, Page
from app.api.schemas import Query as QueryModel
from core import clock
from core.errors import NotFound
from core.prices.models import HIGHEST_MICROS_PER_MILLION, Override, OverrideDraft, Price, Source, State, state_of
from core.prices.service import MAX_MODEL, MAX_NOTE

router = new_router("prices")

Reads = Annotated[Principal, caller("usage:read")]
Writes = Annotated[Principal, caller("admin:write")]
Rate = Annotated[int, Field(ge=0, le=HIGHEST_MICROS_PER_MILLION, description="Micro-dollars per million tokens.")]
ProviderName = Annotated[str, Field(min_length=1, max_length=40, examples=["openai"])]
ModelName = Annotated[str, Field(min_length=1, max_length=MAX_MODEL, examples=["gpt-4o"])]


class PriceNew(Input):
    """A price from the beginning of a day (UTC) on, today at the earliest.

    A ``*`` at the end of ``model`` is for every name that begins so. ``cached`` null: cached input costs what input
    costs.
    """

    provider: ProviderName
    model: ModelName
    input_micros_per_million: Rate
    cached_micros_per_million: Rate | None = None
    output_micros_per_million: Rate
    starts_on: Annotated[Day | None, Field(description="Null: today.")] = None
    note: Annotated[str, Field(max_length=MAX_NOTE)] = ""


class PriceSet(Output):
    """A price that an administrator has set. It is never changed: it ends, and another one takes its place."""

    id: Id
    provider: str
    model: str
    input_micros_per_million: int
    cached_micros_per_million: int
    output_micros_per_million: int
    starts_on: date
    note: str
    state: State
    created_by: str
    created_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class StepShown(Output):
    """The price of calls with so many input tokens or more; it then holds for all their tokens."""

    from_input_tokens: int
    input_micros_per_million: int
    cached_micros_per_million: int
    output_micros_per_million: int


class PriceOf(Output):
    """What a model costs now; ``steps`` is empty while the price is unknown."""

    provider: str
    model: str
    source: Source
    version: str
    steps: list[StepShown]


class ModelInUseShown(PriceOf):
    """A model that agents or calls of the last 30 days use, apart by the price of the keys it runs on."""

    has_own_price: bool
    agents: int
    calls: int


class CatalogueShown(Output):
    """The published prices that are bundled here, and whether they may well have changed since."""

    version: str
    released_on: date | None
    is_old: bool


class PriceOfQuery(QueryModel):
    """Which model."""

    provider: Annotated[ProviderName, Field(description="The name of a model provider.")]
    model: Annotated[ModelName, Field(description="The name of a model, as the provider has it.")]


class PricesQuery(PageQuery):
    """Which of the prices that were ever set."""

    provider: Annotated[str | None, Field(max_length=40, description="Prices of this provider only.")] = None
    state: Annotated[State | None, Field(description="Prices that stand so only.")] = None


@router.get("/prices")
def list_prices(caller: Reads, query: Annotated[PricesQuery, Query()]) -> Page[PriceSet]:
    """Return every price that was ever set, those that begin last first: for administrators."""
    overrides = runtime.get_core().prices.overrides(caller.user)
    shown = [_shown(override, overrides) for override in overrides]
    found = [one for one in shown if query.provider in (None, one.provider) and query.state in (None, one.state)]
    piece, after = cut(found, query, lambda one: one.id)
    return Page(items=piece, next=after)


@router.post("/prices", status_code=201, responses=problems(404))
def create_price(caller: Writes, body: PriceNew, response: Response) -> PriceSet:
    """Set a price. Calls that were sent before keep the price they were sent at."""
    draft = OverrideDraft(
        provider=body.provider,
        model=body.model,
        input=body.input_micros_per_million,
        output=body.output_micros_per_million,
        starts_on=body.starts_on,
        cached=body.cached_micros_per_million,
        note=body.note,
    )
    prices = runtime.get_core().prices
    made = prices.set(caller.user, draft)
    response.headers["Location"] = f"/api/v1/prices/{made.id}"
    return _shown(made, prices.overrides(caller.user))


@router.get("/prices/of", responses=problems(404))
def get_price_of_model(caller: Reads, query: Annotated[PriceOfQuery, Query()]) -> PriceOf:
    """Return the present price of a model on a key without a price of its own."""
    price = runtime.get_core().prices.of(caller.user, query.provider, query.model)
    return PriceOf(provider=query.provider, model=query.model, **_price(price))


@router.get("/prices/models")
def list_models_in_use(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[ModelInUseShown]:
    """Return the models in use with their prices, those without a known price first: for administrators."""
    listed = runtime.get_core().prices.models_in_use(caller.user)
    shown = [
        ModelInUseShown(
            provider=one.use.provider,
            model=one.use.model,
            has_own_price=one.use.own_price is not None,
            agents=one.use.agents,
            calls=one.use.calls,
            **_price(one.price),
        )
        for one in listed
    ]
    piece, after = cut(shown, query, lambda one: f"{one.provider}/{one.model}/{one.steps}")
    return Page(items=piece, next=after)


@router.get("/prices/catalogue")
def get_catalogue_of_prices(caller: Reads) -> CatalogueShown:
    """Return which published prices these are, and of what day."""
    catalogue = runtime.get_core().prices.catalogue()
    return CatalogueShown(
        version=catalogue.version,
        released_on=catalogue.released_on,
        is_old=catalogue.is_old(clock.now().date()),
    )


@router.get("/prices/{price_id}", responses=problems(404))
def get_price(caller: Reads, price_id: Id) -> PriceSet:
    """Return one price that was set: for administrators."""
    overrides = runtime.get_core().prices.overrides(caller.user)
    for override in overrides:
        if override.id == price_id:
            return _shown(override, overrides)
    raise NotFound(what="price")


@router.post("/prices/{price_id}/end", responses=problems(404, 409))
def end_price(caller: Writes, price_id: Id) -> PriceSet:
    """End a price now: the one that would hold without it holds again."""
    prices = runtime.get_core().prices
    ended = prices.end(caller.user, price_id)
    return _shown(ended, prices.overrides(caller.user))


def _shown(one: Override, among: Sequence[Override]) -> PriceSet:
    return PriceSet(
        id=one.id,
        provider=one.provider,
        model=one.model,
        input_micros_per_million=one.input,
        cached_micros_per_million=one.unit.cached,
        output_micros_per_million=one.output,
        starts_on=one.starts_on,
        note=one.note,
        state=state_of(one, among, clock.now()),
        created_by=one.created_by,
        created_at=one.created_at,
        ended_by=one.ended_by,
        ended_at=one.ended_at,
    )


def _price(price: Price) -> dict[str, Any]:
    steps = [
        StepShown(
            from_input_tokens=step.from_input_tokens,
            input_micros_per_million=step.unit.input,
            cached_micros_per_million=step.unit.cached,
            output_micros_per_million=step.unit.output,
        )
        for step in price.steps
    ]
    return {"source": price.source, "version": price.version, "steps": steps}
