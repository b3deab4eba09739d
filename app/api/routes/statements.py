"""Statements: what each department's use costs in a month, adjusted and closed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page
from app.api.schemas import Query as QueryModel
from app.api.times import Month
from core.errors import NotFound
from core.rollup.models import MonthUse
from core.statements.models import Adjustment, DepartmentSums, MonthState, SplitBy, Statement, View
from core.statements.service import MAX_MICROS, MAX_REASON

router = new_router("statements")

Reads = Annotated[Principal, caller("usage:read")]
Writes = Annotated[Principal, caller("admin:write")]
Department = Annotated[str, Field(min_length=1, max_length=40, examples=["support"])]
State = Literal["open", "closed"]
MOST_USES = 1000


def _not_nothing(micros: int) -> int:
    if micros == 0:
        raise PydanticCustomError("amount", "Enter an amount that is not 0")
    return micros


class ViewQuery(QueryModel):
    """How much of a statement: without ``view`` all that the caller may see; ``department`` narrows everybody's."""

    view: Annotated[View | None, Field(description="Whose lines; usually all that the caller may see.")] = None
    department: Annotated[
        str | None, Field(max_length=40, description="The slug of one department.", examples=["support"])
    ] = None


class UsesQuery(ViewQuery, PageQuery):
    """How much of a statement, and which piece of its lines."""

    limit: Annotated[int, Field(ge=1, le=MOST_USES, description="The most items to return.")] = MOST_USES


class MonthShown(Output):
    """A month that has a statement. The one that ``can_be_closed`` is over, and the next in order."""

    month: str
    state: State
    closed_at: datetime | None
    can_be_closed: bool


class CentsShown(Output):
    """Whole cents as they are shown: ``total`` over all departments is the grand total to the cent.

    ``charged`` is the total without own keys: their owners pay the provider themselves.
    """

    own: int
    pool: int
    shared: int
    adjustments: int
    total: int
    charged: int


class DepartmentShown(Output):
    """What a department's lines add up to; ``department`` is null for what belongs to none."""

    department: str | None
    name: str
    heads: int
    own_calls: int
    own_unpriced_calls: int
    own_micros: int
    pool_calls: int
    pool_unpriced_calls: int
    pool_micros: int
    late_micros: int
    input_tokens: int
    output_tokens: int
    shared_micros: int
    adjustments_micros: int
    total_micros: int
    cents: CentsShown


class ShareOfCost(Output):
    """A department's part of a shared cost of ``whole_micros``."""

    department: str | None
    item_id: str
    label: str
    whole_micros: int
    split_by: SplitBy
    micros: int


class AdjustmentShown(Output):
    """An amount added to what a department pays, or taken off; ``reverses`` names the one it takes back."""

    id: Id
    month: str
    department: str
    micros: int
    reason: str
    person: str
    at: datetime
    reverses: str | None


class StatementShown(Output):
    """A month as the caller may see it; its single lines are at ``/uses``.

    ``open_calls`` were sent by the end of the month and are not settled: closing leaves them to a later month.
    ``unpriced_calls`` are in no amount.
    """

    month: str
    view: View
    state: State
    closed_at: datetime | None
    closed_by: str
    open_calls: int
    unpriced_calls: int
    total_micros: int
    late_months: list[str]
    departments: list[DepartmentShown]
    shares: list[ShareOfCost]
    adjustments: list[AdjustmentShown]


class UseShown(Output):
    """What one person used of one model by one agent; ``cost_micros`` is null when no call has a known price."""

    department: str | None
    user_id: Id
    person: str
    email: str
    agent_id: str | None
    agent: str
    provider: str
    model: str
    is_pool: bool
    used_month: str
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_micros: int | None


class AdjustmentNew(Input):
    """An amount to add, or with a minus to take off."""

    department: Department
    amount_micros: Annotated[int, Field(ge=-MAX_MICROS, le=MAX_MICROS), AfterValidator(_not_nothing)]
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON, examples=["Credit for the outage"])]


@router.get("/statements")
def list_statements(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[MonthShown]:
    """Return the months that have a statement, the newest first."""
    found, after = cut(runtime.get_core().statements.months(caller.user), query, lambda state: state.month)
    return Page(items=[_month(state) for state in found], next=after)


@router.get("/statements/{month}", responses=problems(404))
def get_statement(caller: Reads, month: Month, query: Annotated[ViewQuery, Query()]) -> StatementShown:
    """Return a month's statement: sums by department, shared costs and adjustments."""
    return _shown(runtime.get_core().statements.get(caller.user, month, query.view, query.department))


@router.get("/statements/{month}/uses", responses=problems(404))
def list_uses_of_statement(caller: Reads, month: Month, query: Annotated[UsesQuery, Query()]) -> Page[UseShown]:
    """Return the lines of a statement: what each person used of each model by each agent."""
    statement = runtime.get_core().statements.get(caller.user, month, query.view, query.department)
    piece, after = cut(statement.uses, query, _place)
    return Page(items=[_use(use) for use in piece], next=after)


@router.post("/statements/{month}/close", responses=problems(404, 409))
def close_month(caller: Writes, month: Month) -> StatementShown:
    """Write a month's statement down for good. Months are closed in their order, and after their end (UTC)."""
    return _shown(runtime.get_core().statements.close(caller.user, month))


@router.post("/statements/{month}/adjustments", status_code=201)
def create_adjustment(caller: Writes, month: Month, body: AdjustmentNew, response: Response) -> AdjustmentShown:
    """Add an amount to what a department pays for a month, or take one off."""
    statements = runtime.get_core().statements
    made = statements.adjust(caller.user, month, body.department, body.amount_micros, body.reason)
    return _adjustment(made, response)


@router.get("/statements/{month}/adjustments/{adjustment_id}", responses=problems(404))
def get_adjustment(caller: Reads, month: Month, adjustment_id: Id) -> AdjustmentShown:
    """Return one adjustment of a month."""
    for one in runtime.get_core().statements.get(caller.user, month).adjustments:
        if one.id == adjustment_id:
            return _adjustment(one)
    raise NotFound(what="adjustment")


@router.post("/statements/{month}/adjustments/{adjustment_id}/reverse", status_code=201, responses=problems(404))
def reverse_adjustment(caller: Writes, month: Month, adjustment_id: Id, response: Response) -> AdjustmentShown:
    """Take an adjustment back by one of the opposite amount; both stay to be seen."""
    return _adjustment(runtime.get_core().statements.reverse(caller.user, adjustment_id, month), response)


def _month(state: MonthState) -> MonthShown:
    return MonthShown(
        month=state.month,
        state="closed" if state.closed_at else "open",
        closed_at=state.closed_at,
        can_be_closed=state.is_next,
    )


def _shown(statement: Statement) -> StatementShown:
    return StatementShown(
        month=statement.month,
        view=statement.view,
        state="closed" if statement.closed_at else "open",
        closed_at=statement.closed_at,
        closed_by=statement.closed_by,
        open_calls=statement.open_calls,
        unpriced_calls=statement.unpriced_calls,
        total_micros=statement.total_micros,
        late_months=list(statement.late_months),
        departments=[_department(sums) for sums in statement.departments],
        shares=[ShareOfCost.model_validate(share) for share in statement.shares],
        adjustments=[_adjustment(one) for one in statement.adjustments],
    )


def _department(sums: DepartmentSums) -> DepartmentShown:
    fields = {name: value for name, value in vars(sums).items() if name in DepartmentShown.model_fields}
    return DepartmentShown(
        **{**fields, "cents": CentsShown.model_validate(sums.cents)},
        own_unpriced_calls=sums.own_unpriced,
        pool_unpriced_calls=sums.pool_unpriced,
        total_micros=sums.total_micros,
    )


def _use(use: MonthUse) -> UseShown:
    fields = {name: value for name, value in vars(use).items() if name in UseShown.model_fields}
    is_known = use.unpriced_calls < use.calls or not use.calls
    return UseShown(**{**fields, "cost_micros": use.cost_micros if is_known else None})


def _place(use: MonthUse) -> str:
    parts = (use.department, use.user_id, use.agent_id, use.provider, use.model, use.is_pool, use.used_month)
    return "/".join(str(part) for part in parts)


def _adjustment(one: Adjustment, response: Response | None = None) -> AdjustmentShown:
    if response is not None:
        response.headers["Location"] = f"/api/v1/statements/{one.month}/adjustments/{one.id}"
    return AdjustmentShown.model_validate(one)
