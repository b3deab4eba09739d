"""Schedules: workflows that run by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.firing_shapes import Cap, Failures, FiringShown, Name, firing_shown
from app.api.input_shapes import Inputs, in_inputs
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.revisions import IfMatch, check_match, etag
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Output, Page
from core.schedules.models import Missed, Schedule, ScheduleDraft

router = new_router("schedules")

Reads = Annotated[Principal, caller("workflows:read")]
Writes = Annotated[Principal, caller("runs:write")]

Cron = Annotated[
    str, Field(max_length=100, description="Minute, hour, day, month, weekday.", examples=["0 9 * * 1-5"])
]
Zone = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])]
Makeup = Annotated[
    Missed,
    Field(description="What becomes of times at which nothing could run: none, one run for all, or one for each."),
]
BESIDE = ("name", "cron", "timezone", "missed", "stop_after_failures")


class ScheduleInput(Input):
    """A new schedule. Its runs are the caller's, and so is what they cost."""

    workflow_id: Id
    name: Name
    cron: Cron
    timezone: Zone = "UTC"
    inputs: Inputs = Field(default_factory=dict)
    budget_micros: Cap = None
    missed: Makeup = "once"
    stop_after_failures: Failures = 3


class ScheduleChange(Change):
    """What to change of a schedule."""

    name: Name
    cron: Cron
    timezone: Zone
    inputs: Inputs
    budget_micros: Cap
    missed: Makeup
    stop_after_failures: Failures


class SchedulePreview(Input):
    """An expression whose meaning is asked for."""

    cron: Cron
    timezone: Zone = "UTC"


class PreviewShown(Output):
    """What an expression means in English, and when it is due next."""

    words: Annotated[str, Field(examples=["At 09:00, Monday through Friday"])]
    next_times: list[datetime]


class ScheduleShown(Output):
    """A schedule; ``next_at`` is null while it is paused or has stopped by itself."""

    id: Id
    workflow_id: Id
    owner_id: Id
    name: str
    cron: str
    timezone: str
    inputs: Inputs
    budget_micros: Cap
    missed: Missed
    stop_after_failures: Failures
    failures_in_row: int
    paused_at: datetime | None
    stopped_at: datetime | None
    next_at: datetime | None
    created_at: datetime
    last: FiringShown | None


class OfWorkflow(PageQuery):
    """Of which workflow; without one the caller's own."""

    workflow_id: Annotated[Id | None, Field(description="Of one workflow.")] = None


@router.post("/schedules", status_code=201, responses=problems(404, 409))
def create_schedule(caller: Writes, body: ScheduleInput, response: Response) -> ScheduleShown:
    """Let a published workflow run by the clock, in the caller's name."""
    given = body.model_dump(exclude={"workflow_id"})
    with in_inputs(*BESIDE):
        made = runtime.get_core().schedules.create(caller.user, body.workflow_id, ScheduleDraft(**given))
    response.headers["Location"] = f"/api/v1/schedules/{made.id}"
    return _answer(made, response)


@router.get("/schedules", responses=problems(404))
def list_schedules(caller: Reads, query: Annotated[OfWorkflow, Query()]) -> Page[ScheduleShown]:
    """Return the caller's schedules; of a workflow that they may edit, everybody's. Newest first."""
    found, after = cut(
        runtime.get_core().schedules.list(caller.user, query.workflow_id), query, lambda schedule: schedule.id
    )
    return Page(items=[_shown(schedule) for schedule in found], next=after)


@router.post("/schedules/preview")
def preview_schedule(caller: Reads, body: SchedulePreview) -> PreviewShown:
    """Say what an expression means."""
    found = runtime.get_core().schedules.preview(body.cron, body.timezone)
    return PreviewShown(words=found.words, next_times=list(found.next_times))


@router.get("/schedules/{schedule_id}", responses=problems(404))
def get_schedule(caller: Reads, schedule_id: Id, response: Response) -> ScheduleShown:
    """Return one schedule."""
    return _answer(runtime.get_core().schedules.get(caller.user, schedule_id), response)


@router.patch("/schedules/{schedule_id}", responses=problems(404, 409, 412))
def change_schedule(
    caller: Writes, schedule_id: Id, body: ScheduleChange, response: Response, if_match: IfMatch = None
) -> ScheduleShown:
    """Change a schedule of the caller's; it counts from now on."""
    core = runtime.get_core()
    before = core.schedules.get(caller.user, schedule_id)
    check_match(if_match, before.revision)
    draft = ScheduleDraft(**{**vars(before.draft), **body.model_dump(exclude_unset=True)})
    with in_inputs(*BESIDE):
        changed = core.schedules.change(caller.user, schedule_id, draft, before.revision)
    return _answer(changed, response)


@router.delete("/schedules/{schedule_id}", status_code=204, responses=problems(404))
def delete_schedule(caller: Writes, schedule_id: Id) -> None:
    """Delete a schedule; its runs stay."""
    runtime.get_core().schedules.delete(caller.user, schedule_id)


@router.post("/schedules/{schedule_id}/pause", responses=problems(404))
def pause_schedule(caller: Writes, schedule_id: Id, response: Response) -> ScheduleShown:
    """Let a schedule rest; its owner may, and who may edit the workflow."""
    return _answer(runtime.get_core().schedules.pause(caller.user, schedule_id), response)


@router.post("/schedules/{schedule_id}/go-on", responses=problems(404))
def resume_schedule(caller: Writes, schedule_id: Id, response: Response) -> ScheduleShown:
    """Let a schedule go on that rests, or that has stopped by itself."""
    return _answer(runtime.get_core().schedules.go_on(caller.user, schedule_id), response)


@router.get("/schedules/{schedule_id}/firings", responses=problems(404))
def list_schedule_firings(
    caller: Reads, schedule_id: Id, query: Annotated[PageQuery, Query()]
) -> Page[FiringShown]:
    """Return the last times at which it was due, newest first; they are kept for 90 days."""
    found, after = cut(
        runtime.get_core().schedules.history(caller.user, schedule_id, 100), query, lambda firing: firing.id
    )
    return Page(items=[firing_shown(firing) for firing in found], next=after)


def _answer(schedule: Schedule, response: Response) -> ScheduleShown:
    response.headers["ETag"] = etag(schedule.revision)
    return _shown(schedule)


def _shown(schedule: Schedule) -> ScheduleShown:
    return ScheduleShown(
        id=schedule.id,
        workflow_id=schedule.workflow_id,
        owner_id=schedule.owner_id,
        **{**vars(schedule.draft), "inputs": dict(schedule.draft.inputs)},
        failures_in_row=schedule.failures_in_row,
        paused_at=schedule.paused_at,
        stopped_at=schedule.stopped_at,
        next_at=schedule.next_at,
        created_at=schedule.created_at,
        last=firing_shown(schedule.last) if schedule.last else None,
    )
