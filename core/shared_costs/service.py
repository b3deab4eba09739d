"""The rules of shared costs: administrators keep them, and a closed month keeps what it was split by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core import clock, months
from core.accounts.capabilities import require
from core.accounts.models import User
from core.accounts.proof import require_recent_proof
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Conflict, Invalid, NotFound
from core.names import clean_name
from core.rollup.service import Rollup
from core.shared_costs import repository
from core.shared_costs.models import RULE_KINDS, RULE_NAMES, WHOLE, Rule, RuleName, SharedCost, SplitRules

MAX_NAME = 80
MAX_MICROS = 10_000_000 * 1_000_000
# So far back a cost may begin, where nothing is closed yet.
MONTHS_BACK = 12


class SharedCosts:
    """Look shared costs and rules up and change them."""

    def __init__(self, db: Database, departments: Departments, rollup: Rollup, audit: Audit) -> None:
        """Ask ``rollup`` which months are closed; tell ``audit``."""
        self._db = db
        self._departments = departments
        self._rollup = rollup
        self._audit = audit

    def list(self, actor: User) -> Sequence[SharedCost]:
        """Return every shared cost; for administrators."""
        require(actor, "statements.manage")
        with self._db.read() as connection:
            return repository.all_costs(connection)

    def rules(self, actor: User) -> SplitRules:
        """Return the standing rules; for administrators."""
        require(actor, "statements.manage")
        with self._db.read() as connection:
            return repository.rules(connection)

    def add(self, actor: User, draft: SharedCost) -> SharedCost:
        """Add a shared cost; the id of ``draft`` is not looked at.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            Invalid: a field is wrong, or percentages do not add up to exactly 100.
            Conflict: its first month is closed.
        """
        new = replace(self._checked(actor, draft), id=clock.new_id("cost"))
        with self._db.transaction() as connection:
            self._check_open(connection, new.first_month)
            repository.insert_cost(connection, new, actor.id, clock.now())
            self._record(connection, actor, "shared_cost.added", new)
        return new

    def change(self, actor: User, draft: SharedCost) -> SharedCost:
        """Change the shared cost of this id in every month that is open; raises what ``add`` raises.

        Raises:
            NotFound: there is none of this id.
        """
        changed = self._checked(actor, draft)
        with self._db.transaction() as connection:
            before = repository.cost(connection, changed.id)
            if before is None:
                raise NotFound(what="shared cost")
            if changed.first_month != before.first_month:
                self._check_open(connection, changed.first_month)
            repository.update_cost(connection, changed)
            self._record(connection, actor, "shared_cost.changed", changed)
        return changed

    def delete(self, actor: User, cost_id: str) -> None:
        """Take a shared cost out of every month that is open.

        Raises:
            StepUpRequired: it is long ago that the actor proved who they are.
            NotFound: there is none of this id.
        """
        _require(actor)
        with self._db.transaction() as connection:
            self._rollup.open_month(connection, months.month_of(clock.now()))
            before = repository.cost(connection, cost_id)
            if before is None or not repository.delete_cost(connection, cost_id):
                raise NotFound(what="shared cost")
            self._record(connection, actor, "shared_cost.deleted", before)

    def set_rule(self, actor: User, name: RuleName, rule: Rule) -> None:
        """Set a standing rule for every month that is open; raises what ``add`` raises."""
        _require(actor)
        if name not in RULE_NAMES:
            raise NotFound(what="rule")
        rule = self._checked_rule(rule)
        with self._db.transaction() as connection:
            self._rollup.open_month(connection, months.month_of(clock.now()))
            repository.set_rule(connection, name, rule)
            told = {"rule": rule.kind, "percents": dict(rule.percents)}
            self._audit.record(connection, actor, "split_rule.changed", "split_rule", name, detail=told)

    # --- for statements --------------------------------------------------------------------------

    def of_month(self, connection: Connection, month: str) -> Sequence[SharedCost]:
        """Return the shared costs of a month."""
        return [cost for cost in repository.all_costs(connection) if cost.is_of(month)]

    def standing_rules(self, connection: Connection) -> SplitRules:
        """Return the standing rules."""
        return repository.rules(connection)

    def first_month(self, connection: Connection) -> str | None:
        """Return the first month that has a shared cost."""
        return repository.first_month(connection)

    # --- checks ----------------------------------------------------------------------------------

    def _checked(self, actor: User, draft: SharedCost) -> SharedCost:
        _require(actor)
        months.checked(draft.first_month)
        if draft.last_month is not None and months.checked(draft.last_month) < draft.first_month:
            raise Invalid("The last month is before the first one.", "last_month")
        if draft.first_month < months.shifted(months.month_of(clock.now()), -MONTHS_BACK):
            raise Invalid("Choose a first month of the last twelve, or a later one.", "first_month")
        if not 0 < draft.amount_micros <= MAX_MICROS:
            raise Invalid("Enter an amount above $0 and up to $10,000,000.", "amount_micros")
        name = clean_name(draft.name, MAX_NAME)
        return replace(draft, name=name, rule=self._checked_rule(draft.rule) if draft.rule else None)

    def _checked_rule(self, rule: Rule) -> Rule:
        if rule.kind not in RULE_KINDS:
            raise Invalid("Choose one of the rules.", "rule")
        if rule.kind != "percent":
            return Rule(rule.kind)
        percents = {slug: points for slug, points in rule.percents.items() if points}
        if any(points < 0 for points in percents.values()) or sum(percents.values()) != WHOLE:
            raise Invalid(
                f"The percentages add up to {sum(percents.values()) / 100:g}. Make them add up to exactly 100.",
                "percents",
            )
        for slug in percents:
            self._departments.check(slug)
        return Rule("percent", percents)

    def _check_open(self, connection: Connection, month: str) -> None:
        if self._rollup.open_month(connection, month) != month:
            raise Conflict(f"{months.name_of(month)} is closed. Choose a later first month.")

    def _record(self, connection: Connection, actor: User, action: str, cost: SharedCost) -> None:
        told = {
            "name": cost.name,
            "amount_micros": cost.amount_micros,
            "from": cost.first_month,
            "to": cost.last_month,
            "rule": cost.rule.kind if cost.rule else "default",
            "percents": dict(cost.rule.percents) if cost.rule else {},
        }
        self._audit.record(connection, actor, action, "shared_cost", cost.id, detail=told)


def _require(actor: User) -> None:
    require(actor, "statements.manage")
    require_recent_proof(actor)
