"""Limits: requests and tokens a minute and runs at once, of people, departments and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page
from core.quotas.models import HIGHEST, Allowance, Quota, QuotaLine, Scope

router = new_router("limits")

Reads = Annotated[Principal, caller("budgets:read")]
Writes = Annotated[Principal, caller("budgets:write")]
Count = Annotated[int | None, Field(ge=1, le=HIGHEST)]


class LimitGiven(Input):
    """A rule: at least one number; what is left out, or null, is not limited.

    Without ``scope_id`` it is for every one that has no rule of its own; a rule of one's own replaces it, whole.
    """

    scope: Scope
    scope_id: Annotated[str, Field(max_length=60, description="A slug or an id; empty: every one.")] = ""
    requests_per_minute: Count = None
    tokens_per_minute: Count = None
    concurrent_runs: Count = None


class LimitShown(Output):
    """A rule; ``name`` is null when what it was for is gone."""

    id: Id
    scope: Scope
    scope_id: str
    name: str | None
    about: str | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    concurrent_runs: int | None
    may_change: bool
    created_at: datetime


class LimitedShown(Output):
    """Whom or what the caller may limit; ``about`` tells two of one name apart."""

    scope: Scope
    scope_id: str
    name: str
    about: str


@router.get("/limits")
def list_limits(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[LimitShown]:
    """Return the rules that the caller may set or that hold for them, those for every one first."""
    found, after = cut(runtime.get_core().quotas.list(caller.user), query, lambda line: line.quota.id)
    return Page(items=[_shown(line) for line in found], next=after)


@router.get("/limits/subjects")
def list_subjects_of_limits(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[LimitedShown]:
    """Return whom or what the caller may limit."""
    found = runtime.get_core().quotas.subjects(caller.user)
    piece, after = cut(found, query, lambda subject: f"{subject.scope}/{subject.scope_id}")
    return Page(items=[LimitedShown.model_validate(subject) for subject in piece], next=after)


@router.put("/limits", responses=problems(404))
def set_limit(caller: Writes, body: LimitGiven) -> LimitShown:
    """Limit a key, person or department, or every one. A rule of the same scope and id is replaced."""
    quotas = runtime.get_core().quotas
    allowance = Allowance(body.requests_per_minute, body.tokens_per_minute, body.concurrent_runs)
    made = quotas.put(caller.user, body.scope, body.scope_id, allowance)
    lines = (line for line in quotas.list(caller.user) if line.quota.id == made.id)
    return _shown(next(lines, QuotaLine(made, None, may_change=True)))


@router.delete("/limits/{limit_id}", status_code=204, responses=problems(404))
def remove_limit(caller: Writes, limit_id: Id) -> None:
    """Remove a rule; it holds from the next call and the next run."""
    runtime.get_core().quotas.remove(caller.user, limit_id)


def _shown(line: QuotaLine) -> LimitShown:
    quota: Quota = line.quota
    return LimitShown(
        id=quota.id,
        scope=quota.scope,
        scope_id=quota.scope_id,
        name=line.subject.name if line.subject else None,
        about=line.subject.about if line.subject else None,
        **vars(quota.allowance),
        may_change=line.may_change,
        created_at=quota.created_at,
    )
