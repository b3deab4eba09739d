"""What happens in a run: in pages of JSON, or live."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Query, Request, Response
from pydantic import BeforeValidator, Field
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api import event_stream
from app.api.event_stream import EventStream
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.run_shapes import EventShown
from app.api.schemas import Id, Page
from app.api.schemas import Query as Parameters

router = new_router("runs")


def _digits(given: Any) -> Any:
    """Refuse what pydantic would read as a whole number though it is not written as one: 5.0, 1_0."""
    if isinstance(given, str) and not (given.isascii() and given.isdecimal()):
        raise ValueError("This is no number of an event.")
    return given


# Numbers of events have 31 bits.
Seq = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_digits)]
LastEventId = Annotated[
    Seq | None, Header(alias="Last-Event-ID", description="Where a stream goes on, whatever `after` says.")
]
STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of events; or, where that is asked for, all of them as they happen, and then `end`",
        "content": {event_stream.MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}


class EventsQuery(Parameters):
    """Which events of a run. ``limit`` is for pages."""

    after: Annotated[Seq, Field(description="Only events with a greater number.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="The most events to return.")] = 200


@router.get("/runs/{run_id}/events", response_model=Page[EventShown], responses={**STREAM, **problems(404)})
async def list_run_events(
    caller: Annotated[Principal, caller("runs:read")],
    run_id: Id,
    query: Annotated[EventsQuery, Query()],
    request: Request,
    last_event_id: LastEventId = None,
) -> Page[EventShown] | Response:
    """Return what happened in a run, in order; ``next`` is the ``after`` of the next page.

    With ``Accept: text/event-stream`` the answer is a stream (SSE): each event with its number as ``id`` and its
    kind as ``event``, a comment every 15 seconds without any, and ``end`` once the run has ended. It resumes after
    ``Last-Event-ID``. A stream ends without ``end`` when the server stops, and when the caller's session ends.
    """
    runs = runtime.get_core().runs
    if event_stream.MEDIA_TYPE in request.headers.get("accept", "").lower():
        await run_in_threadpool(runs.get, caller.user, run_id)
        return EventStream(run_id, query.after if last_event_id is None else last_event_id, caller)
    found = await run_in_threadpool(runs.events, caller.user, run_id, query.after, query.limit + 1)
    page = found[: query.limit]
    return Page(
        items=[EventShown.model_validate(event) for event in page],
        next=str(page[-1].seq) if len(found) > len(page) else None,
    )
