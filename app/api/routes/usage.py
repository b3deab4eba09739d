"""Usage: what was spent, by what, and every call behind it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut, decode, encode
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.routes.statements import ViewQuery
from app.api.schemas import Id, Output, Page
from app.api.sums import Sums, UsageItem, usage_item
from app.api.times import Month, SpanQuery
from core import clock, months
from core.usage.models import CallStatus, Group, Scope

router = new_router("usage")

Reads = Annotated[Principal, caller("usage:read")]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MOST_GROUPS = 1000


class TotalsQuery(SpanQuery):
    """Whose usage, and of which time."""

    scope: Annotated[Scope, Field(description="Whose: `GET /usage/scopes` says what the caller may see.")] = "mine"


class GroupsQuery(TotalsQuery, PageQuery):
    """By what, whose, and of which time."""

    group_by: Annotated[Group, Field(description="What to tell apart.")] = "day"
    limit: Annotated[int, Field(ge=1, le=MOST_GROUPS, description="The most items to return.")] = MOST_GROUPS


class CallsQuery(SpanQuery, PageQuery):
    """Which piece of which time."""


class StatementFileQuery(ViewQuery):
    """Which statement, and how much of it."""

    month: Annotated[Month | None, Field(description="A month, in UTC; usually the present one.")] = None


class UsageScopes(Output):
    """Whose usage the caller may see."""

    scopes: list[Scope]


class CallShown(Output):
    """One model call. ``open`` ones are not settled; ``interrupted`` ones count at the most they can have used."""

    id: Id
    run_id: Id
    node_id: str
    provider: str
    model: str
    status: CallStatus
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_micros: Annotated[int | None, Field(description="Micro-dollars; null: unknown.")]
    price_version: Annotated[str | None, Field(description="Whose price it was billed with.")]
    error_code: str | None
    started_at: datetime
    duration_ms: int | None


class CsvResponse(Response):
    """A table for a spreadsheet."""

    media_type = "text/csv"


@router.get("/usage")
def list_usage(caller: Reads, query: Annotated[GroupsQuery, Query()]) -> Page[UsageItem]:
    """Return what was used, by a day, model, provider, agent, workflow, user, department or key.

    Days come in their order and only where something was used, others the dearest first.
    """
    lines = runtime.get_core().usage.by(caller.user, query.group_by, query.since, query.until, query.scope)
    piece, after = cut(lines, query, lambda line: line.group or "")
    return Page(items=[usage_item(line.group, line.label, line.totals) for line in piece], next=after)


@router.get("/usage/totals")
def get_usage_totals(caller: Reads, query: Annotated[TotalsQuery, Query()]) -> Sums:
    """Return the sums over everything that was used."""
    return Sums.of(runtime.get_core().usage.totals(caller.user, query.since, query.until, query.scope))


@router.get("/usage/scopes")
def get_usage_scopes(caller: Reads) -> UsageScopes:
    """Return whose usage the caller may see."""
    return UsageScopes(scopes=runtime.get_core().usage.scopes(caller.user))


@router.get("/usage/calls")
def list_calls(caller: Reads, query: Annotated[CallsQuery, Query()]) -> Page[CallShown]:
    """Return the caller's own calls, newest first, whatever became of them."""
    after = None
    if query.cursor is not None:
        micros, call_id = decode(query.cursor, int, str)
        after = (EPOCH + micros * MICROSECOND, call_id)
    usage = runtime.get_core().usage
    found = usage.recent(caller.user, query.since, query.until, query.limit + 1, after)
    piece = found[: query.limit]
    last = piece[-1] if len(found) > query.limit else None
    cursor = encode((last.started_at - EPOCH) // MICROSECOND, last.id) if last else None
    return Page(items=[CallShown.model_validate(call) for call in piece], next=cursor)


@router.get("/usage/statement", response_class=CsvResponse, responses=problems(404))
def get_statement_as_csv(caller: Reads, query: Annotated[StatementFileQuery, Query()]) -> CsvResponse:
    """Return a month's statement as CSV, a line for each use, share, adjustment and total."""
    month = query.month or months.month_of(clock.now())
    told = runtime.get_core().statements.export(caller.user, month, query.view, query.department)
    name = f"zoark-statement-{month}.csv"
    return CsvResponse(told, headers={"Content-Disposition": f'attachment; filename="{name}"'})
