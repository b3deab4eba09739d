"""The rules of prices: whose counts, who sets them, and that what is booked never changes."""

from __future__ import annotations

from datetime import datetime, timedelta

from core import clock
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.errors import Conflict, Invalid, NotFound
from core.llm.pricing import OwnPrice
from core.llm.registry import all_providers, provider_named
from core.names import clean_name
from core.prices import repository
from core.prices.catalogue import catalogue, published
from core.prices.models import (
    FREE,
    HIGHEST_MICROS_PER_MILLION,
    UNKNOWN,
    Catalogue,
    ListedModel,
    Override,
    OverrideDraft,
    Price,
    chosen,
)

MAX_MODEL = 200
MAX_NOTE = 200
IN_USE = timedelta(days=30)


class Prices:
    """Say what a model costs, and let administrators set it.

    In this order: the key's own price; an administrator's; the published one; nothing on own hardware; unknown.
    """

    def __init__(self, db: Database, audit: Audit) -> None:
        """Work on ``db``; tell ``audit``."""
        self._db = db
        self._audit = audit

    # --- for the books -----------------------------------------------------------------------------

    def price(self, connection: Connection, provider: str, model: str, own: OwnPrice | None, at: datetime) -> Price:
        """Return the price of a call that is sent at a moment."""
        overrides = [] if own else repository.overrides_at(connection, provider, at)
        return _price(overrides, provider, model, own, at)

    # --- reading -----------------------------------------------------------------------------------

    def of(self, actor: User, provider: str, model: str, own: OwnPrice | None = None) -> Price:
        """Return the present price of a model on a key with this own price: everybody may know."""
        with self._db.read() as connection:
            return self.price(connection, provider, model, own, clock.now())

    def is_known(self, actor: User, provider: str, model: str, own: OwnPrice | None = None) -> bool:
        """Whether anybody says what a model costs; where not, it cannot run on the organisation's keys."""
        return self.of(actor, provider, model, own).is_known

    def catalogue(self) -> Catalogue:
        """Return which published prices these are."""
        return catalogue()

    def overrides(self, actor: User) -> list[Override]:
        """Return every price that was ever set, those that begin last first."""
        require(actor, "settings.manage")
        with self._db.read() as connection:
            return repository.all_overrides(connection)

    def models_in_use(self, actor: User) -> list[ListedModel]:
        """Return the models of agents, and of calls in the last 30 days, those without a known price first."""
        require(actor, "settings.manage")
        at = clock.now()
        with self._db.read() as connection:
            overrides = repository.all_overrides(connection)
            used = repository.models_in_use(connection, at - IN_USE)
        order = list(all_providers())
        listed = [
            ListedModel(
                use,
                _price(overrides, use.provider, use.model, use.own_price, at),
                tuple(o for o in overrides if o.is_for(use.provider, use.model)),
            )
            for use in used
            if use.provider in order
        ]
        return sorted(
            listed, key=lambda m: (m.price.is_known, order.index(m.use.provider), m.use.model, str(m.use.own_price))
        )

    # --- changing ----------------------------------------------------------------------------------

    def set(self, actor: User, draft: OverrideDraft) -> Override:
        """Set a price from the beginning of a day (UTC) on, today at the earliest.

        Calls that were sent before keep the price they were sent at.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is no such provider.
            Invalid: a field has not the right form.
            Conflict: another price for this model begins on the same day.
        """
        require(actor, "settings.manage")
        require_recent_proof(actor)
        provider = provider_named(draft.provider)
        at = clock.now()
        override = Override(
            id=clock.new_id("price"),
            provider=provider.name,
            model=_clean_model(draft.model),
            input=_clean_price(draft.input),
            cached=None if draft.cached is None else _clean_price(draft.cached),
            output=_clean_price(draft.output),
            starts_on=draft.starts_on or at.date(),
            note=_clean_note(draft.note),
            created_by=actor.name,
            created_at=at,
        )
        if override.cached is not None and override.cached > override.input:
            raise Invalid(
                "Cached input costs no more than input: are the two the wrong way round?",
                "cached_micros_per_million",
            )
        if override.starts_on < at.date():
            raise Invalid("Choose today (UTC) or a later day: what is booked keeps its price.", "starts_on")
        with self._db.transaction() as connection:
            if not repository.insert_override(connection, override, actor.id):
                raise Conflict(
                    f"A price for {override.model} begins on {override.starts_on:%Y-%m-%d} already. "
                    "End that one first, or choose another day."
                )
            self._record(connection, actor, "price.set", override)
        return override

    def end(self, actor: User, override_id: str) -> Override:
        """End a price now: the one that would hold without it holds again. It stays in the history.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is no such price.
            Conflict: it has ended already.
        """
        require(actor, "settings.manage")
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            has_ended = repository.end_override(connection, override_id, actor.id, clock.now())
            override = repository.override(connection, override_id)
            if override is None:
                raise NotFound(what="price")
            if not has_ended:
                raise Conflict("This price has ended already.")
            self._record(connection, actor, "price.ended", override)
        return override

    def _record(self, connection: Connection, actor: User, action: str, override: Override) -> None:
        detail = {
            "provider": override.provider,
            "model": override.model,
            "input_micros_per_million": override.input,
            "cached_micros_per_million": override.unit.cached,
            "output_micros_per_million": override.output,
            "starts_on": override.starts_on.isoformat(),
        }
        self._audit.record(connection, actor, action, "price", override.id, detail=detail)


def _price(overrides: list[Override], provider: str, model: str, own: OwnPrice | None, at: datetime) -> Price:
    if own is not None:
        return Price.own(own)
    override = chosen(overrides, provider, model, at)
    if override is not None:
        return override.price
    pricing = provider_named(provider).pricing
    if pricing == "free":
        return FREE
    return published(provider, model, at) if pricing == "catalogue" else UNKNOWN


def _clean_model(given: str) -> str:
    model = clean_name(given.lower(), MAX_MODEL, "Enter the name of a model", "model")
    if "*" in model[:-1]:
        raise Invalid("A * stands at the end only, for every name that begins so, such as gpt-4o*.", "model")
    return model


def _clean_price(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= HIGHEST_MICROS_PER_MILLION:
        raise Invalid("A price is between $0 and $1,000,000 per million tokens.", "price")
    return given


def _clean_note(given: str) -> str:
    note = " ".join(given.split())
    if len(note) > MAX_NOTE or not note.isprintable():
        raise Invalid(f"Enter a note of at most {MAX_NOTE} characters, or none.", "note")
    return note
