"""Holds budgets around model calls, in the transactions of the books: reserve, then settle. No actor asks.

A call is checked against every budget it falls under: the organisation's, its department's, person's, key's,
agent's and run's. Windows are always locked in the order of their budgets' ids: no two calls wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from core import clock
from core.budgets.failures import BudgetBusy, BudgetExceeded
from core.budgets.models import WARNINGS, Budget, Scope, Warned, window_of
from core.db import Connection
from core.ledger import repository
from core.money import dollars
from core.usage.models import CallOrigin

# Whose budget it is, and what can be done about it.
_REFUSALS: dict[Scope, tuple[str, str]] = {
    "organisation": ("the organisation's", "An administrator can raise it on the page Budgets."),
    "department": ("your department's", "An administrator can raise it on the page Budgets."),
    "person": ("your", "Your manager or an administrator can raise it on the page Budgets."),
    "key": ("this key's", "Whoever set it can raise it on the page Budgets."),
    "agent": ("this agent's", "Whoever set it can raise it on the page Budgets."),
    "run": ("this run's", "Start it again with a higher limit."),
}


@dataclass(frozen=True)
class Held:
    """What is held for a call, and in which windows: a budget's id and the window's name each."""

    micros: int
    windows: Sequence[tuple[str, str]]


class Ledger:
    """What the books ask before and after each call."""

    def __init__(self) -> None:
        """Tell nobody yet."""
        self._listeners: list[Callable[[Connection, Warned], None]] = []

    def on_warning(self, tell: Callable[[Connection, Warned], None]) -> None:
        """Call ``tell`` in the transaction in which a budget reaches 50, 80 or 100 percent."""
        self._listeners.append(tell)

    def reserve(
        self,
        connection: Connection,
        origin: CallOrigin,
        at: datetime,
        micros: int | None,
    ) -> Held:
        """Hold the most a call can cost in every budget it falls under, and return where; ``keep`` writes it down.

        A call whose price is unknown (None) or nothing is held nowhere.

        Raises:
            BudgetBusy: there is room, but other calls under way hold it.
            BudgetExceeded: there is no room.
        """
        budgets = repository.applicable(connection, _scopes(origin)) if micros else []
        if not micros or not budgets:
            return Held(0, [])
        held = [(budget.id, window_of(budget.period, at)) for budget in budgets]
        # All of them first: who waits here holds no window that somebody who settles waits for.
        self._open_missing(connection, budgets, held)
        for budget, (_, window) in zip(budgets, held, strict=True):
            if not repository.reserve(connection, budget.id, window, micros):
                raise _refusal(connection, budget, window, micros)
        return Held(micros, held)

    def keep(
        self, connection: Connection, call_id: str, held: Held, price_version: str, expires_at: datetime
    ) -> None:
        """Write down what is held for a call, until it is settled or its lease is over."""
        if held.windows:
            repository.insert_reservation(connection, call_id, held.micros, price_version, held.windows, expires_at)

    def settle(
        self, connection: Connection, call_id: str, origin: CallOrigin, started_at: datetime, micros: int | None
    ) -> None:
        """Book what a call has cost, and give back what was held for it; None books what was held."""
        # Before the budgets are read: one that is new now is seen, or counts this call when its window opens.
        repository.while_settling(connection)
        budgets = repository.applicable(connection, _scopes(origin))
        held_micros, held = repository.take_reservation(connection, call_id)
        cost = held_micros if micros is None else micros
        for budget in budgets:
            window = window_of(budget.period, started_at)
            released = held_micros if (budget.id, window) in held else 0
            spent = repository.book(connection, budget.id, window, cost, released)
            if spent is not None:
                self._warn(connection, budget, window, spent)

    def add(self, connection: Connection, budget: Budget) -> bool:
        """Write a budget down; False when there is one of its scope and period."""
        return repository.insert_budget(connection, budget)

    def cap_run(self, connection: Connection, run_id: str, limit_micros: int, set_by: str) -> None:
        """Give a run that is being started a limit of its own."""
        cap = Budget(clock.new_id("budget"), "run", run_id, "run", limit_micros, set_by, clock.now())
        repository.insert_budget(connection, cap)

    def caps(self, connection: Connection, run_ids: Collection[str]) -> dict[str, int]:
        """Return the limits of runs that have one, in micro-dollars."""
        return repository.caps(connection, run_ids)

    def used(self, connection: Connection, budgets: Collection[Budget], at: datetime) -> dict[str, tuple[int, int]]:
        """Return what is spent and what is held for calls under way, by budget id, in the day or month of ``at``.

        One statement for all that calls have used, and one more for each scope and period of the others.
        """
        windows = {budget.id: window_of(budget.period, at) for budget in budgets}
        found = {pair[0]: used for pair, used in repository.used(connection, windows.items()).items()}
        unused = sorted((b for b in budgets if b.id not in found), key=lambda b: (b.scope, b.period))
        for (_, period), alike in groupby(unused, key=lambda b: (b.scope, b.period)):
            of = list(alike)
            spent = repository.spent_so_far(connection, of, window_of(period, at))
            found |= {budget.id: (spent.get(budget.scope_id, 0), 0) for budget in of}
        return found

    def limit_changed(self, connection: Connection, budget_id: str) -> None:
        """Tell again how much of a budget is used: it has another limit."""
        repository.forget_warnings(connection, budget_id)

    def forget(self, connection: Connection, budget_id: str) -> None:
        """Forget a budget that is being deleted; calls under way are settled with the others."""
        repository.forget_windows(connection, budget_id)

    def expired(self, connection: Connection, at: datetime) -> list[tuple[str, int, str]]:
        """Return call, amount and price version of what is still held though its lease is over, 100 at most."""
        return repository.expired(connection, at, 100)

    def next_lease_end(self, connection: Connection) -> datetime | None:
        """Return when the first lease of what is held is over; None when nothing is held."""
        return repository.next_lease_end(connection)

    def _open_missing(
        self, connection: Connection, budgets: Sequence[Budget], held: Sequence[tuple[str, str]]
    ) -> None:
        """Open the windows that nobody has used yet; what was spent in them so far counts."""
        opened = repository.used(connection, held)
        for budget, (_, window) in zip(budgets, held, strict=True):
            if (budget.id, window) not in opened:
                repository.exclude_settling(connection)
                spent = repository.spent_so_far(connection, [budget], window)
                repository.open_window(connection, budget, window, spent.get(budget.scope_id, 0))

    def _warn(self, connection: Connection, budget: Budget, window: str, spent: int) -> None:
        reached = [percent for percent in WARNINGS if spent * 100 >= budget.limit_micros * percent]
        if budget.scope == "run" or not reached:
            return
        if repository.note_warning(connection, budget.id, window, reached[-1]):
            for tell in self._listeners:
                tell(connection, Warned(budget, reached[-1], spent))


def _scopes(origin: CallOrigin) -> list[tuple[Scope, str]]:
    found: list[tuple[Scope, str | None]] = [
        ("organisation", ""),
        ("department", origin.department),
        ("person", origin.user_id),
        ("key", origin.key_id),
        ("agent", origin.agent_id),
        ("run", origin.run_id),
    ]
    return [(scope, scope_id) for scope, scope_id in found if scope_id is not None]


def _refusal(connection: Connection, budget: Budget, window: str, micros: int) -> BudgetBusy | BudgetExceeded:
    spent, _ = repository.used(connection, [(budget.id, window)]).get((budget.id, window), (0, 0))
    whose, advice = _REFUSALS[budget.scope]
    facts = {
        "whose": whose,
        "advice": advice,
        "period": {"day": "daily ", "month": "monthly ", "run": ""}[budget.period],
        "limit": dollars(budget.limit_micros),
    }
    return BudgetBusy(**facts) if spent + micros <= budget.limit_micros else BudgetExceeded(**facts)
