"""Runs: what became of their steps, going on from one of them, and sharing a run by its link."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Body, Path, Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api.graph_shapes import GraphSent
from app.api.input_shapes import Inputs
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.run_shapes import RunErrorShown, RunShown, RunStarted
from app.api.schemas import Id, Input, Output, Page
from app.api.started import ENDED, Cap, Wait, shown_now, started
from core.engine.graph import MAX_ID
from core.runs.nodes.models import NODE, NodeState, NodeStatus

router = new_router("runs")

Reads = Annotated[Principal, caller("runs:read")]
Writes = Annotated[Principal, caller("runs:write")]
NodeId = Annotated[str, Path(max_length=MAX_ID, description="The id of a node of the graph.")]
MAX_ROUND = 2**31 - 1
GOES_ON: dict[int | str, dict[str, Any]] = {**ENDED, **problems(404, 409)}


class NodeShown(Output):
    """A step of a run. A step that is not listed has not begun; a for-each has its rounds beside it, from 0."""

    node_id: str
    round: Annotated[int | None, Field(description="Which round of a for-each; null for the step itself.")]
    status: NodeStatus
    branch: Annotated[str, Field(description="The way it went on; empty for the ordinary one.")]
    output: Any
    error: RunErrorShown | None
    attempts: int
    started_at: datetime | None
    ended_at: datetime | None
    due_at: Annotated[datetime | None, Field(description="When a waiting one is looked at again by itself.")]
    is_cached: Annotated[bool, Field(description="Its output was taken over from another run.")]


class Settlement(Input):
    """Whether a step that was interrupted has acted, and what came of it; null if nothing is known of that."""

    happened: bool
    result: Any = None
    round: Annotated[int | None, Field(ge=0, le=MAX_ROUND, description="Which round of a for-each.")] = None


class NodeTest(Input):
    """What stands for everything before the node: inputs and outputs of nodes by name."""

    values: Inputs = Field(default_factory=dict)
    graph: Annotated[GraphSent | None, Field(description="As it is being edited; the draft without it.")] = None
    budget_micros: Cap | None = None


NodeTestOrNothing = Annotated[NodeTest, Body(default_factory=NodeTest)]


@router.get("/runs/{run_id}/nodes", responses=problems(404))
def list_nodes(caller: Reads, run_id: Id, query: Annotated[PageQuery, Query()]) -> Page[NodeShown]:
    """Return what became of a run's steps so far."""
    states = runtime.get_core().runs.node_states(caller.user, run_id)
    found, after = cut(states, query, lambda state: f"{state.node_id}.{state.item}")
    return Page(items=[_node(state) for state in found], next=after)


@router.post("/runs/{run_id}/resume", status_code=202, response_model=RunStarted, responses=GOES_ON)
async def resume_run(caller: Writes, run_id: Id, wait: Wait = 0) -> Response:
    """Go on with a run that failed or was cancelled: what has finished is kept and not paid for again."""
    run = await run_in_threadpool(runtime.get_core().runs.resume, caller.user, run_id)
    return await started(caller, run, wait)


@router.post(
    "/runs/{run_id}/nodes/{node_id}/run-again", status_code=202, response_model=RunStarted, responses=GOES_ON
)
async def run_again(caller: Writes, run_id: Id, node_id: NodeId, wait: Wait = 0) -> Response:
    """Start a run that takes over what this one found out before a step, and does the rest anew."""
    run = await run_in_threadpool(runtime.get_core().runs.run_again_from, caller.user, run_id, node_id)
    return await started(caller, run, wait)


@router.post("/runs/{run_id}/nodes/{node_id}/doubt", responses=problems(404, 409))
def settle_doubt(caller: Writes, run_id: Id, node_id: NodeId, body: Settlement) -> RunShown:
    """Say whether a step had acted outside when it was interrupted. The run goes on; if not, the step acts now."""
    item = NODE if body.round is None else body.round
    runtime.get_core().runs.settle_doubt(caller.user, run_id, node_id, item, body.happened, body.result)
    return shown_now(caller.user, run_id)


@router.post("/runs/{run_id}/link", responses=problems(404))
def share_run(caller: Writes, run_id: Id) -> RunShown:
    """Let everybody who is signed in here and has the run's link look at it, with its texts and costs."""
    runtime.get_core().runs.share(caller.user, run_id)
    return shown_now(caller.user, run_id)


@router.delete("/runs/{run_id}/link", status_code=204, responses=problems(404))
def unshare_run(caller: Writes, run_id: Id) -> None:
    """Let nobody else look at a run any more."""
    runtime.get_core().runs.unshare(caller.user, run_id)


@router.post(
    "/workflows/{workflow_id}/nodes/{node_id}/test",
    status_code=202,
    response_model=RunStarted,
    responses=GOES_ON,
)
async def try_node(
    caller: Writes, workflow_id: Id, node_id: NodeId, body: NodeTestOrNothing, wait: Wait = 0
) -> Response:
    """Run one node of a draft alone, with values in the place of what comes before it."""
    graph = body.graph.document() if body.graph else None
    start = partial(runtime.get_core().runs.test_node, graph=graph, budget_micros=body.budget_micros)
    run = await run_in_threadpool(start, caller.user, workflow_id, node_id, body.values)
    return await started(caller, run, wait)


def _node(state: NodeState) -> NodeShown:
    return NodeShown(
        node_id=state.node_id,
        round=None if state.item == NODE else state.item,
        status=state.status,
        branch=state.branch,
        output=state.output,
        error=RunErrorShown.model_validate(state.error) if state.error else None,
        attempts=state.attempts,
        started_at=state.started_at,
        ended_at=state.ended_at,
        due_at=state.due_at,
        is_cached=state.is_cached,
    )
