"""The rules of budgets: who sets which limit, who sees how much of it is used, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from core import clock
from core.accounts.capabilities import can
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.budgets import reach, repository
from core.budgets.models import (
    MAX_LIMIT_MICROS,
    PERIODS,
    SCOPES,
    Budget,
    BudgetState,
    Listener,
    Period,
    Scope,
    Subject,
    Warned,
)
from core.db import Connection, Database
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.ledger.service import Ledger

NEAR_PERCENT = 80

Tell = Callable[[Connection, Listener, Warned, Subject], None]


class Budgets:
    """Set limits and see what is used of them."""

    def __init__(self, db: Database, ledger: Ledger, audit: Audit) -> None:
        """Ask ``ledger`` what is used; tell ``audit``."""
        self._db = db
        self._ledger = ledger
        self._audit = audit
        self._listeners: list[Tell] = []
        self._watchers: list[Callable[[Connection, Warned, Subject], None]] = []
        ledger.on_warning(self._warn)

    def on_warning(self, tell: Tell) -> None:
        """Call ``tell`` for everybody whom it concerns when a budget reaches 50, 80 or 100 percent.

        It is called in the transaction that books the call.
        """
        self._listeners.append(tell)

    def on_reached(self, tell: Callable[[Connection, Warned, Subject], None]) -> None:
        """Call ``tell`` once, in that transaction, where it asks itself whom it concerns."""
        self._watchers.append(tell)

    def list(self, actor: User) -> Sequence[BudgetState]:
        """Return the budgets that concern the actor, by scope, name and period."""
        with self._db.read() as connection:
            found = repository.all_budgets(connection)
            subjects = {
                scope: repository.subjects(connection, scope, {b.scope_id for b in found if b.scope == scope})
                for scope in {budget.scope for budget in found}
            }
            pairs = [(budget, subjects[budget.scope].get(budget.scope_id)) for budget in found]
            seen = [(b, subject) for b, subject in pairs if subject is not None and reach.may_see(actor, subject)]
            states = self._states(connection, actor, seen)
        return sorted(states, key=_place)

    def get(self, actor: User, budget_id: str) -> BudgetState:
        """Return one budget; ``NotFound`` when it does not concern the actor."""
        with self._db.read() as connection:
            budget, subject = self._seen(connection, actor, budget_id)
            return self._state(connection, actor, budget, subject)

    def near_limit(self, actor: User) -> Sequence[BudgetState]:
        """Return the budgets that concern the actor and are used to 80 percent or more, the fullest first."""
        near = [state for state in self.list(actor) if state.share * 100 >= NEAR_PERCENT]
        return sorted(near, key=lambda state: -state.share)

    def candidates(self, actor: User, scope: Scope) -> Sequence[Subject]:
        """Return whom or what the actor may give a budget of a scope."""
        with self._db.read() as connection:
            found = self._candidates(connection, actor, scope)
        return [subject for subject in found if reach.may_set(actor, subject)]

    def add(self, actor: User, scope: Scope, scope_id: str, period: Period, limit_micros: int) -> BudgetState:
        """Set a limit. It counts what was spent in this day or month before.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: the scope, the period or the amount has not the right form.
            NotFound: there is no such person, department, key or agent that the actor may know.
            Forbidden: it is not the actor's to limit.
            Conflict: there is such a budget already.
        """
        require_recent_proof(actor)
        if scope not in SCOPES or period not in PERIODS:
            raise Invalid("Choose what the budget is for, and a day or a month.", "scope")
        budget = Budget(
            id=clock.new_id("budget"),
            scope=scope,
            scope_id="" if scope == "organisation" else scope_id,
            period=period,
            limit_micros=_amount(limit_micros),
            set_by=actor.id,
            created_at=clock.now(),
        )
        with self._db.transaction() as connection:
            subject = repository.subject(connection, scope, budget.scope_id)
            if subject is None or not reach.may_see(actor, subject):
                raise NotFound(what=scope)
            if not reach.may_set(actor, subject):
                raise Forbidden
            if not self._ledger.add(connection, budget):
                raise Conflict("There is such a budget already. Change its limit instead.")
            self._record(connection, actor, "budget.added", budget)
            return self._state(connection, actor, budget, subject)

    def change(self, actor: User, budget_id: str, limit_micros: int) -> BudgetState:
        """Set another limit; it holds from the next call on.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: the budget does not concern the actor.
            Forbidden: somebody else has set it.
            Invalid: this is no amount.
        """
        require_recent_proof(actor)
        limit_micros = _amount(limit_micros)
        with self._db.transaction() as connection:
            before, subject = self._to_change(connection, actor, budget_id)
            budget = replace(before, limit_micros=limit_micros, set_by=actor.id)
            repository.change_limit(connection, budget.id, limit_micros, actor.id)
            self._ledger.limit_changed(connection, budget.id)
            self._record(connection, actor, "budget.changed", budget, before_micros=before.limit_micros)
            return self._state(connection, actor, budget, subject)

    def delete(self, actor: User, budget_id: str) -> None:
        """Take a limit away; raises as ``change``."""
        require_recent_proof(actor)
        with self._db.transaction() as connection:
            budget, _ = self._to_change(connection, actor, budget_id)
            self._delete(connection, actor, budget)

    def forget_department(self, connection: Connection, actor: User, slug: str) -> None:
        """Delete the budgets of a department that is being deleted, in that transaction.

        Its slug may be given to another department later, which is not bound by them.
        """
        for budget in repository.budgets_of(connection, "department", slug):
            self._delete(connection, actor, budget)

    # --- inside ----------------------------------------------------------------------------------

    def _delete(self, connection: Connection, actor: User, budget: Budget) -> None:
        self._ledger.forget(connection, budget.id)
        repository.delete_budget(connection, budget.id)
        self._record(connection, actor, "budget.deleted", budget)

    def _warn(self, connection: Connection, warned: Warned) -> None:
        budget = warned.budget
        subject = repository.subject(connection, budget.scope, budget.scope_id)
        if subject is None:
            return
        for watch in self._watchers:
            watch(connection, warned, subject)
        for listener in repository.concerned(connection, subject, budget.set_by):
            for tell in self._listeners:
                tell(connection, listener, warned, subject)

    def _candidates(self, connection: Connection, actor: User, scope: Scope) -> Sequence[Subject]:
        is_manager_of_all = can(actor, "budgets.manage")
        if scope == "department":
            return repository.all_departments(connection)
        if scope == "person":
            return repository.active_people(connection, None if is_manager_of_all else actor.department)
        if scope == "key":
            return repository.keys_of(connection, actor.id, with_pool=is_manager_of_all)
        if scope == "agent":
            return repository.agents_of(connection, None if is_manager_of_all else actor.id)
        return [repository.ORGANISATION]

    def _state(self, connection: Connection, actor: User, budget: Budget, subject: Subject) -> BudgetState:
        return self._states(connection, actor, [(budget, subject)])[0]

    def _states(
        self, connection: Connection, actor: User, pairs: Sequence[tuple[Budget, Subject]]
    ) -> Sequence[BudgetState]:
        used = self._ledger.used(connection, [budget for budget, _ in pairs], clock.now())
        return [BudgetState(b, of, *used[b.id], reach.may_change(actor, of, b)) for b, of in pairs]

    def _seen(self, connection: Connection, actor: User, budget_id: str) -> tuple[Budget, Subject]:
        budget = repository.budget(connection, budget_id)
        subject = repository.subject(connection, budget.scope, budget.scope_id) if budget else None
        if budget is None or subject is None or not reach.may_see(actor, subject):
            raise NotFound(what="budget")
        return budget, subject

    def _to_change(self, connection: Connection, actor: User, budget_id: str) -> tuple[Budget, Subject]:
        budget, subject = self._seen(connection, actor, budget_id)
        if not reach.may_change(actor, subject, budget):
            raise Forbidden
        return budget, subject

    def _record(self, connection: Connection, actor: User, action: str, budget: Budget, **detail: object) -> None:
        told = {
            "for": f"{budget.scope} {budget.scope_id}".strip(),
            "period": budget.period,
            "limit_micros": budget.limit_micros,
            **detail,
        }
        self._audit.record(connection, actor, action, "budget", budget.id, detail=told)


def _amount(limit_micros: int) -> int:
    if not 0 <= limit_micros <= MAX_LIMIT_MICROS:
        raise Invalid(f"Enter an amount from $0 to ${MAX_LIMIT_MICROS // 1_000_000:,}.", "limit_micros")
    return limit_micros


def _place(state: BudgetState) -> tuple[int, str, int]:
    budget = state.budget
    return SCOPES.index(budget.scope), state.subject.name.casefold(), PERIODS.index(budget.period)
