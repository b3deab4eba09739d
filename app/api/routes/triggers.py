"""Triggers: addresses that other programs call to start a workflow."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.firing_shapes import Cap, Failures, FiringShown, Name, firing_shown
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.revisions import IfMatch, check_match, etag
from app.api.route import router as new_router
from app.api.schemas import Change, Id, Input, Output, Page
from core.triggers.models import NewTrigger, Trigger, TriggerDraft

router = new_router("triggers")

Reads = Annotated[Principal, caller("workflows:read")]
Writes = Annotated[Principal, caller("runs:write")]

Mapping = Annotated[
    dict[Annotated[str, Field(max_length=80)], Annotated[str, Field(max_length=200)]],
    Field(
        max_length=100,
        description="Which part of a message becomes which input; empty takes the parts with the inputs' names.",
        examples=[{"amount": "data.total"}],
    ),
]


class TriggerInput(Input):
    """A new trigger. Its runs are the caller's, and so is what they cost."""

    workflow_id: Id
    name: Name
    mapping: Mapping = Field(default_factory=dict)
    budget_micros: Cap = None
    stop_after_failures: Failures = 10


class TriggerChange(Change):
    """What to change of a trigger."""

    name: Name
    mapping: Mapping
    budget_micros: Cap
    stop_after_failures: Failures


class TriggerShown(Output):
    """A trigger without its secret. ``path`` is where messages go; without a secret it takes none."""

    id: Id
    workflow_id: Id
    owner_id: Id
    name: str
    path: Annotated[str, Field(examples=["/api/v1/hooks/hook_01jd8x…"])]
    mapping: Mapping
    budget_micros: Cap
    stop_after_failures: Failures
    has_secret: bool
    failures_in_row: int
    paused_at: datetime | None
    stopped_at: datetime | None
    created_at: datetime
    last: FiringShown | None


class TriggerMade(TriggerShown):
    """A trigger with its secret, which is shown this once."""

    secret: Annotated[str, Field(examples=["whsec_…"])]


class OfWorkflow(PageQuery):
    """Of which workflow; without one the caller's own."""

    workflow_id: Annotated[Id | None, Field(description="Of one workflow.")] = None


@router.post("/triggers", status_code=201, responses=problems(404, 409))
def create_trigger(caller: Writes, body: TriggerInput, response: Response) -> TriggerMade:
    """Make an address that starts a published workflow. It asks for a login of the last ten minutes."""
    draft = TriggerDraft(**body.model_dump(exclude={"workflow_id"}))
    made = runtime.get_core().triggers.create(caller.user, body.workflow_id, draft)
    response.headers["Location"] = f"/api/v1/triggers/{made.trigger.id}"
    return _made(made, response)


@router.get("/triggers", responses=problems(404))
def list_triggers(caller: Reads, query: Annotated[OfWorkflow, Query()]) -> Page[TriggerShown]:
    """Return the caller's triggers; of a workflow that they may edit, everybody's. Newest first."""
    found, after = cut(
        runtime.get_core().triggers.list(caller.user, query.workflow_id), query, lambda trigger: trigger.id
    )
    return Page(items=[TriggerShown(**_shown(trigger)) for trigger in found], next=after)


@router.get("/triggers/{trigger_id}", responses=problems(404))
def get_trigger(caller: Reads, trigger_id: Id, response: Response) -> TriggerShown:
    """Return one trigger."""
    return _answer(runtime.get_core().triggers.get(caller.user, trigger_id), response)


@router.patch("/triggers/{trigger_id}", responses=problems(404, 409, 412))
def change_trigger(
    caller: Writes, trigger_id: Id, body: TriggerChange, response: Response, if_match: IfMatch = None
) -> TriggerShown:
    """Change a trigger of the caller's."""
    core = runtime.get_core()
    before = core.triggers.get(caller.user, trigger_id)
    check_match(if_match, before.revision)
    draft = TriggerDraft(**{**vars(before.draft), **body.model_dump(exclude_unset=True)})
    return _answer(core.triggers.change(caller.user, trigger_id, draft, before.revision), response)


@router.delete("/triggers/{trigger_id}", status_code=204, responses=problems(404))
def delete_trigger(caller: Writes, trigger_id: Id) -> None:
    """Delete a trigger with its secret; its runs stay."""
    runtime.get_core().triggers.delete(caller.user, trigger_id)


@router.post("/triggers/{trigger_id}/rotate-secret", responses=problems(404))
def rotate_trigger_secret(caller: Writes, trigger_id: Id, response: Response) -> TriggerMade:
    """Make a new secret; the one before is worth nothing from now on. Asks for a login of the last ten minutes."""
    return _made(runtime.get_core().triggers.rotate_secret(caller.user, trigger_id), response)


@router.post("/triggers/{trigger_id}/pause", responses=problems(404))
def pause_trigger(caller: Writes, trigger_id: Id, response: Response) -> TriggerShown:
    """Take no more messages; its owner may, and who may edit the workflow."""
    return _answer(runtime.get_core().triggers.pause(caller.user, trigger_id), response)


@router.post("/triggers/{trigger_id}/go-on", responses=problems(404))
def resume_trigger(caller: Writes, trigger_id: Id, response: Response) -> TriggerShown:
    """Take messages again, after a pause or after it has stopped by itself."""
    return _answer(runtime.get_core().triggers.go_on(caller.user, trigger_id), response)


@router.get("/triggers/{trigger_id}/firings", responses=problems(404))
def list_trigger_firings(caller: Reads, trigger_id: Id, query: Annotated[PageQuery, Query()]) -> Page[FiringShown]:
    """Return the last messages that it took, newest first; they are kept for 90 days."""
    found, after = cut(
        runtime.get_core().triggers.history(caller.user, trigger_id, 100), query, lambda firing: firing.id
    )
    return Page(items=[firing_shown(firing) for firing in found], next=after)


def _made(made: NewTrigger, response: Response) -> TriggerMade:
    response.headers["ETag"] = etag(made.trigger.revision)
    return TriggerMade(**_shown(made.trigger), secret=made.secret.get_secret_value())


def _answer(trigger: Trigger, response: Response) -> TriggerShown:
    response.headers["ETag"] = etag(trigger.revision)
    return TriggerShown(**_shown(trigger))


def _shown(trigger: Trigger) -> dict[str, Any]:
    return {
        "id": trigger.id,
        "workflow_id": trigger.workflow_id,
        "owner_id": trigger.owner_id,
        "name": trigger.draft.name,
        "path": trigger.path,
        "mapping": dict(trigger.draft.mapping),
        "budget_micros": trigger.draft.budget_micros,
        "stop_after_failures": trigger.draft.stop_after_failures,
        "has_secret": trigger.has_secret,
        "failures_in_row": trigger.failures_in_row,
        "paused_at": trigger.paused_at,
        "stopped_at": trigger.stopped_at,
        "created_at": trigger.created_at,
        "last": firing_shown(trigger.last) if trigger.last else None,
    }
