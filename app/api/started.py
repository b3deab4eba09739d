"""What routes that start a run have in common: a cap on its cost, and waiting for its end."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api.event_hub import hub
from app.api.principal import Principal
from app.api.run_shapes import RunShown, RunStarted, run_shown
from core.accounts.models import User
from core.budgets.models import MAX_LIMIT_MICROS
from core.runs.models import Run

Wait = Annotated[int, Query(ge=0, le=30, description="Wait so many seconds at most for the end of the run.")]
Cap = Annotated[int, Field(ge=0, le=MAX_LIMIT_MICROS, description="The most it may cost, in micro-dollars.")]
ENDED: dict[int | str, dict[str, Any]] = {200: {"model": RunShown, "description": "The run, which has ended"}}


async def started(caller: Principal, run: Run, wait: int) -> Response:
    """Answer with the id of a run that was started or, if it ends in time, with the run itself."""
    headers = {"Location": f"/api/v1/runs/{run.id}"}
    # Whether they may still know is not asked again: they started it.
    if wait and await hub().wait_for_end(run.id, caller, wait):
        found = await run_in_threadpool(shown_now, caller.user, run.id)
        if found.ended_at is not None:
            return JSONResponse(found.model_dump(mode="json"), 200, headers)
    return JSONResponse(RunStarted(run_id=run.id).model_dump(), 202, headers)


def shown_now(actor: User, run_id: str) -> RunShown:
    """Show a run as it is now, with why it waits for its turn."""
    runs = runtime.get_core().runs
    run = runs.get(actor, run_id)
    return run_shown(run, runs.place(actor, run_id) if run.status == "queued" else None)
