"""The rules of statements: who sees what, when amounts may still move, and how a month is closed for good."""

from __future__ import annotations

from dataclasses import replace

from core import clock, months
from core.accounts.capabilities import can, require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.names import clean_name
from core.rollup.service import Rollup
from core.shared_costs.service import SharedCosts
from core.statements import repository
from core.statements.assembly import add_up, only
from core.statements.export import statement_as_csv
from core.statements.models import Adjustment, MonthState, Statement, View
from core.statements.sharing_out import share_out

MAX_REASON = 200
MAX_MICROS = 10_000_000 * 1_000_000


class Statements:
    """Read a month, adjust it, close it."""

    def __init__(
        self, db: Database, departments: Departments, rollup: Rollup, shared_costs: SharedCosts, audit: Audit
    ) -> None:
        """Add up what ``rollup`` and ``shared_costs`` have; tell ``audit``."""
        self._db = db
        self._departments = departments
        self._rollup = rollup
        self._shared_costs = shared_costs
        self._audit = audit

    # --- reading ---------------------------------------------------------------------------------

    def months(self, actor: User) -> list[MonthState]:
        """Return every month with a statement, the newest first; the present one is always among them."""
        with self._db.read() as connection:
            closed = repository.closed_months(connection)
            next_month = self._next_month(connection)
        now = months.month_of(clock.now())
        first = min([next_month, now, *closed])
        return [
            MonthState(month, closed.get(month), month == next_month < now)
            for month in reversed(months.span(first, now))
        ]

    def views(self, actor: User) -> list[View]:
        """Return whose statements somebody may see, the widest first."""
        found: list[View] = []
        if can(actor, "usage.everybody"):
            found.append("everybody")
        if can(actor, "usage.department") and actor.department:
            found.append("department")
        return [*found, "mine"]

    def get(self, actor: User, month: str, view: View | None = None, department: str | None = None) -> Statement:
        """Return a month's statement, as much of it as ``view`` says; without one, all that the actor may see.

        Args:
            actor: who asks.
            month: such as ``2026-11``.
            view: one of ``views``.
            department: who sees everybody's may ask for one department only; nobody else may ask for another one.

        Raises:
            Invalid: this is no month.
            Forbidden: the actor's role does not see this much.
            NotFound: there is no such department on the statement.
        """
        months.checked(month)
        allowed = self.views(actor)
        view = view or allowed[0]
        if view not in allowed or (department and view != "everybody" and department != actor.department):
            raise Forbidden
        with self._db.read() as connection:
            whole = self._whole(connection, month, actor.id if view == "mine" else None)
        if view == "mine":
            return only(whole, view, None, actor.id)
        if view == "department":
            return only(whole, view, actor.department)
        if department is None:
            return whole
        if department not in {sums.department for sums in whole.departments}:
            raise NotFound(what="department")
        return only(whole, view, department)

    def export(self, actor: User, month: str, view: View | None = None, department: str | None = None) -> str:
        """Return what ``get`` does as CSV for a spreadsheet; the export itself is noted in the audit log."""
        statement = self.get(actor, month, view, department)
        with self._db.transaction() as connection:
            told = {"view": statement.view, "department": department or ""}
            self._audit.record(connection, actor, "statement.exported", "statement", month, detail=told)
        return statement_as_csv(statement)

    # --- adjusting -------------------------------------------------------------------------------

    def adjust(self, actor: User, month: str, department: str, micros: int, reason: str) -> Adjustment:
        """Add an amount to what a department pays for a month, or take one off by a negative amount.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: a field is wrong.
            Conflict: the month is closed, or it has not begun.
        """
        _require(actor)
        months.checked(month)
        self._departments.check(department)
        if not 0 < abs(micros) <= MAX_MICROS:
            raise Invalid("Enter an amount that is not $0 and at most $10,000,000.", "amount_micros")
        reason = clean_name(reason, MAX_REASON, "Say why in one line", "reason")
        new = Adjustment(
            clock.new_id("adj"), month, department, micros, reason, actor.name, clock.now(), reverses=None
        )
        with self._db.transaction() as connection:
            self._check_open(connection, month)
            self._add(connection, actor, new, "adjustment.added")
        return new

    def reverse(self, actor: User, adjustment_id: str, month: str | None = None) -> Adjustment:
        """Take an adjustment back by one of the opposite amount; both stay to be seen.

        With ``month`` it has to be one of this month.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is no such adjustment.
            Conflict: its month is closed, or it was taken back before.
        """
        _require(actor)
        with self._db.transaction() as connection:
            old = repository.adjustment(connection, adjustment_id)
            if old is None or month not in (None, old.month):
                raise NotFound(what="adjustment")
            self._check_open(connection, old.month)
            if old.reverses or repository.is_reversed(connection, old.id):
                raise Conflict("This adjustment was taken back before.")
            new = replace(
                old,
                id=clock.new_id("adj"),
                micros=-old.micros,
                reason=f"Taken back: {old.reason}"[:MAX_REASON],
                person=actor.name,
                at=clock.now(),
                reverses=old.id,
            )
            self._add(connection, actor, new, "adjustment.reversed")
        return new

    # --- closing ---------------------------------------------------------------------------------

    def close(self, actor: User, month: str) -> Statement:
        """Write a month's statement down for good; from now on it is what was written.

        Calls of the month that are settled later are billed in the first month that is open then.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: this is no month.
            Conflict: the month is not over, an earlier one is open, or it is closed already.
        """
        _require(actor)
        months.checked(month)
        name, closed_at = months.name_of(month), clock.now()
        if closed_at < months.end_of(month):
            raise Conflict(f"{name} is not over yet. It can be closed when it is (UTC).")
        with self._db.transaction() as connection:
            self._rollup.hold(connection)
            if repository.closing_of(connection, month):
                raise Conflict(f"{name} is closed already.")
            next_month = self._next_month(connection)
            if month > next_month:
                raise Conflict(f"Close {months.name_of(next_month)} first: months are closed in their order.")
            if month < next_month:
                raise Conflict(f"{name} has nothing to close.")
            closed = replace(self._open_whole(connection, month), closed_at=closed_at, closed_by=actor.name)
            repository.insert_statement(connection, closed, actor.id)
            told = {"total_micros": closed.total_micros, "open_calls": closed.open_calls}
            self._audit.record(connection, actor, "month.closed", "statement", month, detail=told)
        return closed

    # --- parts -----------------------------------------------------------------------------------

    def _whole(self, connection: Connection, month: str, user_id: str | None) -> Statement:
        """Return a month with everybody in it; where only one person is wanted, others may be left out."""
        closing = repository.closing_of(connection, month)
        if closing is None:
            return self._open_whole(connection, month, user_id)
        departments, uses, shares, adjustments = repository.lines_of(connection, month)
        return Statement(
            month=month,
            view="everybody",
            closed_at=closing[0],
            closed_by=closing[1],
            open_calls=0,
            departments=add_up(month, departments, uses, shares, adjustments),
            uses=tuple(uses),
            shares=tuple(shares),
            adjustments=tuple(adjustments),
        )

    def _open_whole(self, connection: Connection, month: str, user_id: str | None = None) -> Statement:
        uses = self._rollup.of_month(connection, month, user_id)
        departments = repository.departments_with_heads(connection, months.end_of(month))
        shares = share_out(
            uses,
            {line.department: line.heads for line in departments},
            self._shared_costs.of_month(connection, month),
            self._shared_costs.standing_rules(connection),
        )
        adjustments = repository.adjustments_of(connection, month)
        return Statement(
            month=month,
            view="everybody",
            closed_at=None,
            closed_by="",
            open_calls=self._rollup.open_calls(connection, month),
            departments=add_up(month, departments, uses, shares, adjustments),
            uses=tuple(uses),
            shares=tuple(shares),
            adjustments=tuple(adjustments),
        )

    def _next_month(self, connection: Connection) -> str:
        """Return the month to close next: the one after the last closed one, else the first that has anything."""
        closed = self._rollup.closed_through(connection)
        if closed is not None:
            return months.shifted(closed, 1)
        first = (
            self._rollup.first_month(connection),
            self._shared_costs.first_month(connection),
            repository.first_adjusted_month(connection),
        )
        return min([month for month in first if month] or [months.month_of(clock.now())])

    def _check_open(self, connection: Connection, month: str) -> None:
        if self._rollup.open_month(connection, month) != month:
            raise Conflict(f"{months.name_of(month)} is closed. Adjust a month that is open.")
        if not self._next_month(connection) <= month <= months.month_of(clock.now()):
            raise Conflict(f"{months.name_of(month)} has no statement to adjust.")

    def _add(self, connection: Connection, actor: User, new: Adjustment, action: str) -> None:
        repository.insert_adjustment(connection, new, actor.id)
        told = {"month": new.month, "department": new.department, "micros": new.micros, "reason": new.reason}
        self._audit.record(connection, actor, action, "adjustment", new.id, detail=told)


def _require(actor: User) -> None:
    require(actor, "statements.manage")
    require_recent_proof(actor)
