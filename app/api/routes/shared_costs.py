"""Shared costs: what no call has cost, and the rules by which it is split among departments."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import Field, StringConstraints

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems, renamed
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Output, Page
from app.api.times import Month
from core.accounts.models import User
from core.errors import NotFound
from core.shared_costs.models import WHOLE, Rule, RuleKind, RuleName, SharedCost
from core.shared_costs.service import MAX_MICROS, MAX_NAME

router = new_router("shared-costs")

Reads = Annotated[Principal, caller("usage:read")]
Writes = Annotated[Principal, caller("admin:write")]
# Where the core's fields are in a body.
PLACES = {"percents": "rule.percents", "department": "rule.percents"}
Name = Annotated[RuleName, Path(description="Which of the standing rules.")]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Points = Annotated[int, Field(ge=0, le=WHOLE)]
Percents = Annotated[
    dict[Slug, Points],
    Field(max_length=200, description="Basis points by department: 10000 is the whole.", examples=[{"hr": 10_000}]),
]


class RuleGiven(Input):
    """How a cost is split; ``percents`` belong to ``percent`` only and add up to 10000."""

    kind: RuleKind
    percents: Percents = Field(default_factory=dict)


class SharedCostNew(Input):
    """A cost of every month from ``first_month`` to ``last_month``; null: without end. No rule: the default one."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["Server"])]
    amount_micros: Annotated[int, Field(ge=1, le=MAX_MICROS)]
    first_month: Month
    last_month: Month | None = None
    rule: RuleGiven | None = None


class SharedCostPatch(Change, SharedCostNew):
    """What to change of a shared cost, in every month that is open."""


class RuleShown(Output):
    """How a cost is split."""

    kind: RuleKind
    percents: dict[str, int]


class SharedCostShown(Output):
    """A shared cost."""

    id: Id
    name: str
    amount_micros: int
    first_month: str
    last_month: str | None
    rule: RuleShown | None


class RulesShown(Output):
    """The standing rules: for shared costs without one of their own, and for calls without a department."""

    default: RuleShown
    no_department: RuleShown


@router.get("/shared-costs")
def list_shared_costs(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[SharedCostShown]:
    """Return every shared cost: for administrators."""
    found, after = cut(runtime.get_core().shared_costs.list(caller.user), query, lambda cost: cost.id)
    return Page(items=[_shown(cost) for cost in found], next=after)


@router.post("/shared-costs", status_code=201)
def create_shared_cost(caller: Writes, body: SharedCostNew, response: Response) -> SharedCostShown:
    """Add a shared cost."""
    with renamed(PLACES):
        made = runtime.get_core().shared_costs.add(caller.user, SharedCost(id="", **_fields(body.model_dump())))
    response.headers["Location"] = f"/api/v1/shared-costs/{made.id}"
    return _shown(made)


@router.get("/shared-costs/rules")
def get_split_rules(caller: Reads) -> RulesShown:
    """Return the standing rules: for administrators."""
    rules = runtime.get_core().shared_costs.rules(caller.user)
    return RulesShown(default=_rule(rules.default), no_department=_rule(rules.no_department))


@router.put("/shared-costs/rules/{name}")
def set_split_rule(caller: Writes, name: Name, body: RuleGiven) -> RuleShown:
    """Set a standing rule for every month that is open."""
    costs = runtime.get_core().shared_costs
    with renamed({"department": "percents"}):
        costs.set_rule(caller.user, name, Rule(body.kind, body.percents))
    return _rule(getattr(costs.rules(caller.user), name))


@router.get("/shared-costs/{cost_id}", responses=problems(404))
def get_shared_cost(caller: Reads, cost_id: Id) -> SharedCostShown:
    """Return one shared cost."""
    return _shown(_cost(caller.user, cost_id))


@router.patch("/shared-costs/{cost_id}", responses=problems(404, 409))
def change_shared_cost(caller: Writes, cost_id: Id, body: SharedCostPatch) -> SharedCostShown:
    """Change a shared cost in every month that is open."""
    before = _cost(caller.user, cost_id)
    changed = replace(before, **_fields(body.model_dump(exclude_unset=True)))
    with renamed(PLACES):
        return _shown(runtime.get_core().shared_costs.change(caller.user, changed))


@router.delete("/shared-costs/{cost_id}", status_code=204, responses=problems(404))
def delete_shared_cost(caller: Writes, cost_id: Id) -> None:
    """Take a shared cost out of every month that is open."""
    runtime.get_core().shared_costs.delete(caller.user, cost_id)


def _cost(actor: User, cost_id: str) -> SharedCost:
    for cost in runtime.get_core().shared_costs.list(actor):
        if cost.id == cost_id:
            return cost
    raise NotFound(what="shared cost")


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    rule = given.get("rule")
    return {**given, "rule": Rule(**rule)} if rule else given


def _shown(cost: SharedCost) -> SharedCostShown:
    return SharedCostShown(
        id=cost.id,
        name=cost.name,
        amount_micros=cost.amount_micros,
        first_month=cost.first_month,
        last_month=cost.last_month,
        rule=_rule(cost.rule) if cost.rule else None,
    )


def _rule(rule: Rule) -> RuleShown:
    return RuleShown(kind=rule.kind, percents=dict(rule.percents))
