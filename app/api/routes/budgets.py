"""Budgets: what may be spent in a day or a month, and how much of it is used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page
from core.budgets.models import MAX_LIMIT_MICROS, BudgetState

router = new_router("budgets")

Reads = Annotated[Principal, caller("budgets:read")]
Writes = Annotated[Principal, caller("budgets:write")]
# Those of single runs are given where the run is started.
Scope = Literal["organisation", "department", "person", "key", "agent"]
Period = Literal["day", "month"]
Limit = Annotated[int, Field(ge=0, le=MAX_LIMIT_MICROS, description="Micro-dollars.", examples=[50_000_000])]
ScopeId = Annotated[
    str, Field(max_length=60, description="A department's slug or an id; empty for the organisation.")
]


class BudgetNew(Input):
    """A new limit. It counts what was spent in this day or month before."""

    scope: Scope
    scope_id: ScopeId = ""
    period: Period
    limit_micros: Limit


class BudgetPatch(Input):
    """Another limit; it holds from the next call on."""

    limit_micros: Limit


class BudgetShown(Output):
    """A budget in its present day or month (UTC).

    ``spent`` is settled, ``reserved`` is held for calls under way, ``share`` is the spent part of the limit.
    """

    id: Id
    scope: Scope
    scope_id: str
    name: Annotated[str, Field(description="Whom or what it is for.")]
    owner_name: str
    period: Period
    limit_micros: int
    spent_micros: int
    reserved_micros: int
    left_micros: int
    share: float
    may_change: bool
    set_by: Id
    created_at: datetime


class CandidateShown(Output):
    """Whom or what the caller may give a budget."""

    scope: Scope
    scope_id: str
    name: str
    owner_name: str


class BudgetsQuery(PageQuery):
    """Which budgets."""

    scope: Annotated[Scope | None, Field(description="Budgets of this scope only.")] = None
    scope_id: Annotated[str | None, Field(max_length=60, description="Budgets for this slug or id only.")] = None
    period: Annotated[Period | None, Field(description="Budgets of this period only.")] = None


class CandidatesQuery(PageQuery):
    """Candidates for which scope."""

    scope: Annotated[Scope, Field(description="What the budget is to be for.")]


@router.get("/budgets")
def list_budgets(caller: Reads, query: Annotated[BudgetsQuery, Query()]) -> Page[BudgetShown]:
    """Return the budgets that concern the caller, by scope, name and period."""
    wanted = {"scope": query.scope, "scope_id": query.scope_id, "period": query.period}
    states = [
        state
        for state in runtime.get_core().budgets.list(caller.user)
        if all(value in (None, getattr(state.budget, name)) for name, value in wanted.items())
    ]
    return _page(states, query)


@router.get("/budgets/near-limit")
def list_budgets_near_limit(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[BudgetShown]:
    """Return the budgets that are used to 80 percent or more, the fullest first."""
    return _page(runtime.get_core().budgets.near_limit(caller.user), query)


@router.get("/budgets/candidates")
def list_candidates_for_budgets(caller: Reads, query: Annotated[CandidatesQuery, Query()]) -> Page[CandidateShown]:
    """Return whom or what the caller may give a budget of a scope."""
    found = runtime.get_core().budgets.candidates(caller.user, query.scope)
    piece, after = cut(found, query, lambda subject: subject.id)
    items = [
        CandidateShown(scope=query.scope, scope_id=one.id, name=one.name, owner_name=one.owner_name)
        for one in piece
    ]
    return Page(items=items, next=after)


@router.post("/budgets", status_code=201, responses=problems(404))
def create_budget(caller: Writes, body: BudgetNew, response: Response) -> BudgetShown:
    """Set a limit. There is one for each scope, id and period: 409 when there is one already."""
    state = runtime.get_core().budgets.add(caller.user, body.scope, body.scope_id, body.period, body.limit_micros)
    response.headers["Location"] = f"/api/v1/budgets/{state.budget.id}"
    return _shown(state)


@router.get("/budgets/{budget_id}", responses=problems(404))
def get_budget(caller: Reads, budget_id: Id) -> BudgetShown:
    """Return one budget."""
    return _shown(runtime.get_core().budgets.get(caller.user, budget_id))


@router.patch("/budgets/{budget_id}", responses=problems(404))
def change_budget(caller: Writes, budget_id: Id, body: BudgetPatch) -> BudgetShown:
    """Set another limit."""
    return _shown(runtime.get_core().budgets.change(caller.user, budget_id, body.limit_micros))


@router.delete("/budgets/{budget_id}", status_code=204, responses=problems(404))
def delete_budget(caller: Writes, budget_id: Id) -> None:
    """Take a limit away."""
    runtime.get_core().budgets.delete(caller.user, budget_id)


def _page(states: Sequence[BudgetState], query: PageQuery) -> Page[BudgetShown]:
    piece, after = cut(states, query, lambda state: state.budget.id)
    return Page(items=[_shown(state) for state in piece], next=after)


def _shown(state: BudgetState) -> BudgetShown:
    return BudgetShown(
        **vars(state.budget),
        name=state.subject.name,
        owner_name=state.subject.owner_name,
        spent_micros=state.spent_micros,
        reserved_micros=state.reserved_micros,
        left_micros=state.left_micros,
        share=state.share,
        may_change=state.may_change,
    )
