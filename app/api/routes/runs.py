"""Runs: starting, reading, stopping and retrying them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api.event_hub import hub
from app.api.failures import NotSignedIn
from app.api.paging import PageQuery, cut, encode, moment_and_id
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.run_shapes import (
    EstimateShown,
    ModelCallShown,
    RunShown,
    RunStarted,
    call_shown,
    run_shown,
)
from app.api.schemas import Id, Input, Moment, Page
from app.api.started import ENDED, Cap, Wait, shown_now, started
from core.errors import Invalid, NotFound
from core.runs.models import RunFilter, Status

router = new_router("runs")

Reads = Annotated[Principal, caller("runs:read")]
Writes = Annotated[Principal, caller("runs:write")]

MARKDOWN = "text/markdown"
TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The run's output",
        "content": {kind: {"schema": {"type": "string"}} for kind in ("text/plain", MARKDOWN)},
    }
}


# Something other than blanks.
Text = Annotated[str, Field(min_length=1, max_length=200_000, pattern=r"\S", examples=["I was charged twice."])]


class AgentInputs(Input):
    """What an agent takes."""

    input: Text


def _one_of_two(schema: dict[str, Any]) -> None:
    """Say that exactly one of the two is there, and that it is not null."""
    for name in ("input", "inputs"):
        told = schema["properties"][name]
        told.pop("default", None)
        told.update(next(one for one in told.pop("anyOf") if one.get("type") != "null"))
    schema["oneOf"] = [{"required": ["input"]}, {"required": ["inputs"]}]


class Execution(Input):
    """What an agent works on: ``input``, or ``inputs`` with an input in it."""

    model_config = ConfigDict(json_schema_extra=_one_of_two)

    input: Text | None = None
    inputs: AgentInputs | None = None
    budget_micros: Cap | None = None

    @property
    def text(self) -> str:
        """The one text that was sent."""
        given = [name for name in ("input", "inputs") if name in self.model_fields_set]
        if len(given) != 1 or getattr(self, given[0]) is None:
            raise Invalid("Send either input or inputs.", "input")
        return self.inputs.input if self.inputs else str(self.input)


class RunsQuery(PageQuery):
    """Which runs."""

    status: Annotated[
        list[Status], Field(max_length=6, description="Of these states; of any when none is named.")
    ] = Field(default_factory=list)
    agent_id: Id | None = None
    workflow_id: Id | None = None
    created_after: Annotated[Moment | None, Field(description="Made at this moment or later.")] = None
    created_before: Annotated[Moment | None, Field(description="Made before this moment.")] = None


@router.post(
    "/custom-agents/{agent_id}/execute",
    status_code=202,
    response_model=RunStarted,
    responses={**ENDED, **problems(404, 409)},
)
async def execute_agent(caller: Writes, agent_id: Id, body: Execution, wait: Wait = 0) -> Response:
    """Run an agent on a text. With ``wait`` the answer is 200 and the run itself, if it ends in time."""
    runs = runtime.get_core().runs
    run = await run_in_threadpool(runs.start_agent_run, caller.user, agent_id, body.text, body.budget_micros)
    return await started(caller, run, wait)


@router.get("/custom-agents/{agent_id}/estimate", responses=problems(404))
def estimate_agent(
    caller: Annotated[Principal, caller("agents:read")],
    agent_id: Id,
    input: Annotated[str, Query(max_length=20_000)] = "",
) -> EstimateShown:
    """Say what a run of an agent may cost. An estimate binds nobody; ``budget_micros`` of a run does."""
    found = runtime.get_core().estimates.of_agent_run(caller.user, agent_id, input)
    return EstimateShown(cost_micros=found.micros, most_cost_micros=found.most_micros, runs=found.runs)


@router.get("/runs")
def list_runs(caller: Reads, query: Annotated[RunsQuery, Query()]) -> Page[RunShown]:
    """Return the caller's runs, newest first. A page of long texts has fewer items than ``limit``."""
    wanted = RunFilter(
        frozenset(query.status), query.agent_id, query.created_after, query.created_before, query.workflow_id
    )
    before = moment_and_id(query.cursor) if query.cursor is not None else None
    page = runtime.get_core().runs.page(caller.user, wanted, before, query.limit)
    last = page.items[-1] if page.has_more else None
    return Page(
        items=[run_shown(run) for run in page.items],
        next=encode(last.created_at.isoformat(), last.id) if last else None,
    )


@router.get("/runs/{run_id}", responses=problems(404))
async def get_run(caller: Reads, run_id: Id, wait: Wait = 0) -> RunShown:
    """Return one run. With ``wait`` the answer comes when it has ended, or when the time is over."""
    shown = await run_in_threadpool(shown_now, caller.user, run_id)
    if wait and shown.ended_at is None:
        if not await hub().wait_for_end(run_id, caller, wait):
            raise NotSignedIn
        shown = await run_in_threadpool(shown_now, caller.user, run_id)
    return shown


@router.get("/runs/{run_id}/result", response_class=PlainTextResponse, responses={**TEXT, **problems(404)})
def get_result(caller: Reads, run_id: Id, request: Request) -> Response:
    """Return what came out of a run: as text/markdown where that is asked for, else as text/plain."""
    run = runtime.get_core().runs.get(caller.user, run_id)
    if run.output is None:
        raise NotFound(what="result")
    is_markdown = MARKDOWN in request.headers.get("accept", "").lower()
    return PlainTextResponse(run.output, media_type=MARKDOWN if is_markdown else "text/plain")


@router.get("/runs/{run_id}/model-calls", responses=problems(404))
def list_model_calls(caller: Reads, run_id: Id, query: Annotated[PageQuery, Query()]) -> Page[ModelCallShown]:
    """Return the model calls of a run in the order of sending: tokens, costs and prices, never what was said."""
    calls = runtime.get_core().runs.model_calls(caller.user, run_id)
    found, after = cut(calls, query, lambda call: call.id)
    return Page(items=[call_shown(call) for call in found], next=after)


@router.post("/runs/{run_id}/cancel", responses=problems(404))
def cancel_run(caller: Writes, run_id: Id) -> RunShown:
    """Stop a run: at once when it waits, at its next breath when it works. One that has ended stays as it is."""
    return run_shown(runtime.get_core().runs.cancel(caller.user, run_id))


@router.post(
    "/runs/{run_id}/retry",
    status_code=202,
    response_model=RunStarted,
    responses={**ENDED, **problems(404, 409)},
)
async def retry_run(caller: Writes, run_id: Id, wait: Wait = 0) -> Response:
    """Start a run again that failed or was cancelled: its graph and agents as they were, its inputs, its limit."""
    run = await run_in_threadpool(runtime.get_core().runs.retry, caller.user, run_id)
    return await started(caller, run, wait)
