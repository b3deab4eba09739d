"""The books: a call is written before it is sent and settled after, once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from core import clock
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.db import Connection, Database
from core.errors import Forbidden
from core.ledger.service import Ledger
from core.llm.pricing import Cost, OwnPrice, Tokens
from core.prices.failures import PriceUnknown
from core.prices.models import Price
from core.prices.service import Prices
from core.rollup.service import Rollup
from core.usage import groups, repository
from core.usage.models import (
    CallOrigin,
    DayTotals,
    Group,
    GroupTotals,
    KeyUse,
    ModelCall,
    PersonTotals,
    Scope,
    Totals,
)

RECENT_LIMIT = 500
# What the use of a key looks back on, today included.
USE_DAYS = 30
# Longer than any call may take: an agent's time limit is an hour at most.
LEASE = timedelta(minutes=65)


class Usage:
    """Keep the books and read them."""

    def __init__(self, db: Database, ledger: Ledger, prices: Prices, rollup: Rollup) -> None:
        """Work on ``db``; hold calls in ``ledger``, ask ``prices`` what they cost, add them up in ``rollup``."""
        self._db = db
        self._ledger = ledger
        self._prices = prices
        self._rollup = rollup
        self._failed_listeners: list[Callable[[Connection, CallOrigin, str], None]] = []

    def on_failed(self, tell: Callable[[Connection, CallOrigin, str], None]) -> None:
        """Call ``tell`` with the error's code in the transaction that books a call which was refused."""
        self._failed_listeners.append(tell)

    # --- reading ---------------------------------------------------------------------------------

    def totals(self, actor: User, since: datetime, until: datetime, scope: Scope = "mine") -> Totals:
        """Return what was used in ``[since, until)`` by the actor, their department, or everybody.

        Raises:
            Forbidden: the actor's role does not see this much, or they belong to no department.
        """
        whose = _whose(actor, scope)
        with self._db.read() as connection:
            return repository.totals(connection, whose, since, until)

    def by_day_and_model(
        self, actor: User, since: datetime, until: datetime, scope: Scope = "mine"
    ) -> list[DayTotals]:
        """Return the use per day (UTC) and model; raises as ``totals``."""
        whose = _whose(actor, scope)
        with self._db.read() as connection:
            return repository.by_day_and_model(connection, whose, since, until)

    def by_person(self, actor: User, since: datetime, until: datetime, scope: Scope = "mine") -> list[PersonTotals]:
        """Return the use per person, who spent most first; raises as ``totals``."""
        whose = _whose(actor, scope)
        with self._db.read() as connection:
            return repository.by_person(connection, whose, since, until)

    def by(
        self, actor: User, group: Group, since: datetime, until: datetime, scope: Scope = "mine"
    ) -> list[GroupTotals]:
        """Return the use per ``group``, days in their order, others the dearest first; raises as ``totals``."""
        whose, only = _whose(actor, scope), _only(actor, scope)
        column = groups.COLUMNS[group]
        asked = groups.split(since, until)
        with self._db.read() as connection:
            sums = self._rollup.by(connection, column, asked.months, asked.days, only)
            parts = [(name, Totals(*figures)) for name, figures in sums]
            for window in asked.moments:
                parts += repository.by_column(connection, column, whose, *window)
            named = self._rollup.named(connection, column, {name for name, _ in parts})
        # A colleague's key is known by its id only, though one's agent may run on it.
        knows_all = can(actor, "usage.everybody") or group != "key"
        labels = {one.id: one.name for one in named if knows_all or one.is_pool or one.owner_id == actor.id}
        return groups.merged(group, parts, labels)

    def scopes(self, actor: User) -> list[Scope]:
        """Return whose use somebody may see."""
        found: list[Scope] = ["mine"]
        if can(actor, "usage.department") and actor.department:
            found.append("department")
        if can(actor, "usage.everybody"):
            found.append("everybody")
        return found

    def recent(
        self,
        actor: User,
        since: datetime,
        until: datetime,
        limit: int = RECENT_LIMIT,
        after: tuple[datetime, str] | None = None,
    ) -> list[ModelCall]:
        """Return the actor's calls, newest first; ``after`` is moment and id of the last that was given before."""
        with self._db.read() as connection:
            return repository.recent_calls(connection, actor.id, since, until, limit, after)

    def of_runs(self, run_ids: Sequence[str]) -> dict[str, Totals]:
        """Return the sums per run; the caller has checked whose runs these are."""
        with self._db.read() as connection:
            found = repository.totals_of_runs(connection, run_ids)
        return {run_id: found.get(run_id, Totals()) for run_id in run_ids}

    def of_run(self, connection: Connection, run_id: str) -> Totals:
        """Return the sums of a run in the caller's transaction."""
        return repository.totals_of_runs(connection, [run_id]).get(run_id, Totals())

    def was_answered_since(self, connection: Connection, key_id: str, since: datetime) -> bool:
        """Whether a call that was sent with a key since a moment was answered."""
        return repository.was_answered_since(connection, key_id, since)

    def of_keys(self, key_ids: Collection[str], user_id: str | None = None) -> dict[str, KeyUse]:
        """Return the use of keys in the last 30 days; the caller has checked who may see them.

        With ``user_id`` only one person's calls are counted.
        """
        last = clock.now().date()
        days = [last - timedelta(days=ago) for ago in reversed(range(USE_DAYS))]
        since = datetime.combine(days[0], datetime.min.time(), UTC)
        if not key_ids:
            return {}
        with self._db.read() as connection:
            used = repository.by_key_and_day(connection, key_ids, since, user_id)
            errors = repository.errors_by_key(connection, key_ids, since, user_id)
        return {key_id: KeyUse.of(days, used.get(key_id, ()), errors.get(key_id, ())) for key_id in key_ids}

    def calls_of_run(self, run_id: str) -> list[ModelCall]:
        """Return a run's calls in the order of sending; the caller has checked whose run this is."""
        with self._db.read() as connection:
            return repository.calls_of_run(connection, run_id)

    # --- writing, for the engine -----------------------------------------------------------------

    def open_call(
        self, origin: CallOrigin, bound: Tokens, own: OwnPrice | None = None, lease: timedelta = LEASE
    ) -> str:
        """Write a call down before it is sent and return its id; ``bound`` is the most it can use.

        What it can cost at most is held in every budget it falls under, until it is settled or ``lease`` is over.

        The price of this moment is the call's, whatever becomes of prices until it is settled.

        Raises:
            BudgetBusy: there is room in a budget, but other calls under way hold it.
            BudgetExceeded: there is no room.
            PriceUnknown: the organisation's key was to be used for a model whose price is unknown.
        """
        call_id, at = clock.new_id("call"), clock.now()
        with self._db.transaction() as connection:
            price = self._prices.price(connection, origin.provider, origin.model, own, at)
            if origin.is_pool and not price.is_known:
                raise PriceUnknown(model=origin.model)
            most = price.at_most(bound).cost_of(bound)
            # First, since a call that is refused leaves nothing behind.
            held = self._ledger.reserve(connection, origin, at, most.micros)
            repository.open_call(connection, call_id, origin, bound.input, bound.output, at, price)
            self._ledger.keep(connection, call_id, held, most.version, at + lease)
        return call_id

    def settle(self, call_id: str, origin: CallOrigin, tokens: Tokens | None, duration_ms: int) -> Cost:
        """Close an answered call with the provider's own count, at the price it was sent at.

        None: it gave none; the cost is unknown, and budgets count the most it can have been.
        """
        with self._db.transaction() as connection:
            price = self._price_of(connection, call_id, origin)
            price = price.for_call(tokens) if tokens else Price("unknown", "usage not reported")
            cost = price.cost_of(tokens) if tokens else Cost(None, price.version)
            self._close(
                connection,
                call_id,
                cost.micros,
                price,
                status="answered",
                input_tokens=tokens.input if tokens else None,
                output_tokens=tokens.output if tokens else None,
                cached_tokens=tokens.cached if tokens else None,
                cost_micros=cost.micros,
                price_version=cost.version,
                duration_ms=duration_ms,
            )
        return cost

    def fail(self, call_id: str, error_code: str, duration_ms: int) -> None:
        """Close a call that was refused before it could cost anything."""
        with self._db.transaction() as connection:
            origin = self._close(
                connection,
                call_id,
                0,
                None,
                status="failed",
                price_version=None,
                error_code=error_code,
                duration_ms=duration_ms,
            )
            if origin is not None:
                for tell in self._failed_listeners:
                    tell(connection, origin, error_code)

    def interrupt(self, call_id: str, origin: CallOrigin, bound: Tokens, duration_ms: int | None = None) -> Cost:
        """Close a call that was cut off half-way at its upper bound: it may have been billed."""
        with self._db.transaction() as connection:
            price = self._price_of(connection, call_id, origin).at_most(bound)
            cost = price.cost_of(bound)
            self._close(
                connection,
                call_id,
                cost.micros,
                price,
                status="interrupted",
                input_tokens=bound.input,
                output_tokens=bound.output,
                cost_micros=cost.micros,
                price_version=cost.version,
                duration_ms=duration_ms,
            )
        return cost

    def interrupt_left_open(self, run_id: str, node_id: str) -> Sequence[Cost]:
        """Close the calls that a dead worker left open; return what each counts.

        Only the worker that owns the run may call this, before it sends anything itself.
        """
        with self._db.read() as connection:
            found = repository.open_calls(connection, run_id, node_id)
        return [self.interrupt(call_id, origin, bound) for call_id, origin, bound in found]

    def next_lease_end(self) -> datetime | None:
        """Return when the next call that nobody has settled is booked at its bound; None when nothing is held."""
        with self._db.read() as connection:
            return self._ledger.next_lease_end(connection)

    def interrupt_expired(self) -> int:
        """Close calls whose lease is over at what was held for them; nothing stays held after a crash."""
        with self._db.read() as connection:
            found = self._ledger.expired(connection, clock.now())
        for call_id, micros, price_version in found:
            with self._db.transaction() as connection:
                price, bound = repository.price_of_call(connection, call_id)
                self._close(
                    connection,
                    call_id,
                    micros,
                    price.at_most(bound) if price else None,
                    status="interrupted",
                    cost_micros=micros,
                    price_version=price_version,
                    at_bound=True,
                )
        return len(found)

    def _price_of(self, connection: Connection, call_id: str, origin: CallOrigin) -> Price:
        """Return the price a call was sent at; that of today when it is older than prices in the books."""
        price, _ = repository.price_of_call(connection, call_id)
        return price or self._prices.price(connection, origin.provider, origin.model, None, clock.now())

    def _close(
        self,
        connection: Connection,
        call_id: str,
        micros: int | None,
        price: Price | None,
        *,
        at_bound: bool = False,
        **values: Any,
    ) -> CallOrigin | None:
        """Write what became of an open call and settle it with the budgets, once; None: it was closed before."""
        closed = repository.settle(
            connection, call_id, at_bound=at_bound, price=price, ended_at=clock.now(), **values
        )
        if closed is None:
            return None
        origin, started_at = closed
        self._ledger.settle(connection, call_id, origin, started_at, micros)
        self._rollup.book(connection, call_id, started_at)
        return origin


def _only(actor: User, scope: Scope) -> dict[str, str]:
    """Return what ``_whose`` says as values of columns."""
    return {"mine": {"user_id": actor.id}, "department": {"department": actor.department or ""}}.get(scope, {})


def _whose(actor: User, scope: Scope) -> repository.Whose:
    if scope == "mine":
        return repository.of_person(actor.id)
    if scope == "department" and actor.department:
        require(actor, "usage.department")
        return repository.of_department(actor.department)
    if scope == "everybody":
        require(actor, "usage.everybody")
        return repository.of_everybody()
    raise Forbidden
