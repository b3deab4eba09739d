"""Workflows: running them."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import Body, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api.input_shapes import Inputs, in_inputs
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.run_shapes import EstimateShown, RunStarted
from app.api.schemas import Id, Input
from app.api.started import ENDED, Cap, Wait, started
from core.errors import Invalid

router = new_router("workflows")

Reads = Annotated[Principal, caller("workflows:read")]
Runs = Annotated[Principal, caller("runs:write")]

MAX_VERSION = 2**31 - 1
Version = Annotated[int, Field(ge=1, le=MAX_VERSION, description="An older version, instead of the published one.")]


class WorkflowExecution(Input):
    """What a workflow works on: the values of its input fields by name."""

    inputs: Inputs = Field(default_factory=dict)
    budget_micros: Cap | None = None
    version: Version | None = None
    draft: Annotated[bool, Field(description="Try the draft out; for whoever edits it.")] = False


WorkflowExecutionOrNothing = Annotated[WorkflowExecution, Body(default_factory=WorkflowExecution)]


class EstimateAsked(Input):
    """Which version is meant."""

    version: Version | None = None


EstimateAskedOrNothing = Annotated[EstimateAsked, Body(default_factory=EstimateAsked)]


@router.post(
    "/workflows/{workflow_id}/execute",
    status_code=202,
    response_model=RunStarted,
    responses={**ENDED, **problems(404, 409)},
)
async def execute_workflow(
    caller: Runs, workflow_id: Id, body: WorkflowExecutionOrNothing, wait: Wait = 0
) -> Response:
    """Run a workflow. With ``wait`` the answer is 200 and the run itself, if it ends in time.

    Texts are read as the types of the fields: "5,000" is a number where one is wanted.
    """
    if body.draft and body.version is not None:
        raise Invalid("Run either the draft or a version.", "version")
    start = partial(runtime.get_core().runs.start_workflow_run, version=body.version, is_test=body.draft)
    with in_inputs():
        run = await run_in_threadpool(start, caller.user, workflow_id, body.inputs, body.budget_micros)
    return await started(caller, run, wait)


@router.post("/workflows/{workflow_id}/estimate", responses=problems(404, 409))
def estimate_workflow(caller: Reads, workflow_id: Id, body: EstimateAskedOrNothing) -> EstimateShown:
    """Say what a run of a workflow may cost. An estimate binds nobody; ``budget_micros`` of a run does."""
    found = runtime.get_core().estimates.of_workflow_run(caller.user, workflow_id, body.version)
    return EstimateShown(cost_micros=found.micros, most_cost_micros=found.most_micros, runs=found.runs)
