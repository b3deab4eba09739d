"""Hooks: where triggers take signed messages of other programs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Header, Request
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api.firing_shapes import FiringShown, firing_shown
from app.api.principal import Visitor
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id

router = new_router("hooks")

Message = Annotated[dict[str, Any], Body(examples=[{"amount": 5000, "text": "An invoice"}])]
Part = Annotated[str, Header(max_length=2000)]


@router.post(
    "/hooks/{trigger_id}", status_code=202, tags=["public"], dependencies=[Visitor], responses=problems(404, 409)
)
async def call_hook(
    request: Request,
    trigger_id: Id,
    body: Message,
    webhook_id: Part = "",
    webhook_timestamp: Part = "",
    webhook_signature: Part = "",
) -> FiringShown:
    """Start the workflow of a trigger. A message is signed as Standard Webhooks has it, with the trigger's secret.

    `webhook-id` is the message's own id: the same id starts one run only, however often it comes. What was signed
    more than five minutes ago is refused.
    """
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": webhook_timestamp,
        "webhook-signature": webhook_signature,
    }
    taken = await run_in_threadpool(runtime.get_core().triggers.receive, trigger_id, headers, await request.body())
    runtime.wake_worker()
    return firing_shown(taken)
