"""Budgets and how much of them is used. Money is micro-dollars; days and months are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from core.accounts.models import Role

Scope = Literal["organisation", "department", "person", "key", "agent", "run"]
Period = Literal["day", "month", "run"]
# What people set budgets for; one of a run is set where the run is started.
SCOPES: tuple[Scope, ...] = get_args(Scope)[:-1]
PERIODS: tuple[Period, ...] = get_args(Period)[:-1]
# Told once each, in percent of the limit.
WARNINGS = (50, 80, 100)
MAX_LIMIT_MICROS = 10**13  # ten million dollars


@dataclass(frozen=True)
class Budget:
    """A limit for one scope and period; ``scope_id`` is a slug or an id, empty for the organisation.

    ``set_by`` is the id of who said the limit last.
    """

    id: str
    scope: Scope
    scope_id: str
    period: Period
    limit_micros: int
    set_by: str
    created_at: datetime


@dataclass(frozen=True)
class Subject:
    """Whom or what a budget is for. ``owner_id`` is a person's own id, and that of a key's or an agent's owner."""

    scope: Scope
    id: str
    name: str
    owner_id: str | None = None
    owner_name: str = ""
    department: str | None = None
    role: Role | None = None
    is_pool: bool = False


@dataclass(frozen=True)
class BudgetState:
    """A budget and its present window: ``spent`` is settled, ``reserved`` is held for calls under way.

    ``may_change`` says whether the person who asked may change the limit.
    """

    budget: Budget
    subject: Subject
    spent_micros: int
    reserved_micros: int
    may_change: bool

    @property
    def left_micros(self) -> int:
        """What may still be spent; never below 0."""
        return max(0, self.budget.limit_micros - self.spent_micros)

    @property
    def share(self) -> float:
        """The part of the limit that is spent, 0 to 1 and above."""
        return self.spent_micros / self.budget.limit_micros if self.budget.limit_micros else 1.0


@dataclass(frozen=True)
class Warned:
    """A budget of which so much is spent for the first time in its window."""

    budget: Budget
    percent: int
    spent_micros: int


@dataclass(frozen=True)
class Listener:
    """Somebody who is told how much of a budget is used."""

    user_id: str
    email: str


def window_of(period: Period, at: datetime) -> str:
    """Return the window a moment belongs to: ``2026-11-24``, ``2026-11``, or ``run``."""
    return {"day": f"{at:%Y-%m-%d}", "month": f"{at:%Y-%m}", "run": "run"}[period]
