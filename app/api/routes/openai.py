"""The chat completions of OpenAI's protocol: an agent or a workflow is a model, an answer is a run."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from app.api import offers
from app.api.failures import MethodNotAllowed, UnknownRoute
from app.api.open_runs import OpenRun, in_thread
from app.api.openai.answers import ChatCompletion, Model, Models, completion_of, model_of
from app.api.openai.conversation import ChatRequest, check, input_of, last_message
from app.api.openai.errors import errors, of_run
from app.api.openai.streaming import ANSWERED, ChatStream, usage
from app.api.principal import Principal, caller
from app.api.route import ApiRoute
from core.errors import RunCancelled

router = APIRouter(
    prefix="/openai/v1", tags=["openai"], route_class=ApiRoute, responses=errors(401, 403, 422, 429, 500)
)

Reads = Annotated[Principal, caller("agents:read")]
Chats = Annotated[Principal, caller("runs:write")]
Name = Annotated[str, Path(max_length=200, description="An agent's or workflow's id, or its name if one has it.")]

STREAMED: dict[str, Any] = {
    "description": "The answer, or with `stream` its pieces as server-sent events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get("/models")
def list_models(caller: Reads) -> Models:
    """Return the agents and published workflows that the caller may run, as models.

    A personal token sees workflows with the scope `workflows:read`.
    """
    return Models(data=[model_of(offer) for offer in offers.runnable(caller)])


@router.get("/models/{model}", responses=errors(404))
def get_model(caller: Reads, model: Name) -> Model:
    """Return one agent or workflow that the caller may run."""
    return model_of(offers.only([one for one in offers.runnable(caller) if model in (one.id, one.name)]))


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: STREAMED, **errors(400, 402, 404, 409, 424, 503)},
)
async def create_chat_completion(caller: Chats, body: ChatRequest, request: Request) -> Response:
    """Run an agent or a workflow on a conversation and wait for its answer.

    A single message of the user is an agent's input as it is; a longer conversation is written out as a transcript
    that ends with the last message. A workflow takes the user's last message: its one input as text, several as a
    JSON object; when it waits for somebody's decision the answer says so, and the run goes on. Parameters that an
    agent has settings of its own for are ignored. The run is cancelled when the client goes away. A run that fails
    is answered with its own code: 402 when its money is used up, 400 when its input is too long, otherwise 424.
    """
    check(body)
    told = input_of(body.messages)
    offer = await in_thread(lambda: offers.called(caller, body.model))
    inputs = offers.inputs_of(offer, told if offer.kind == "agent" else last_message(body.messages))
    opened = await OpenRun.start(caller, lambda: offers.start(caller.user, offer, inputs, body.budget_micros))
    if body.stream:
        return ChatStream(opened, caller.user, is_live=offer.is_live, wants_usage=body.wants_usage)
    try:
        return await _answer(opened, caller, request)
    finally:
        await opened.close()


@router.api_route(
    "/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], include_in_schema=False
)
def refuse(path: str, request: Request) -> None:
    """Answer what there is nothing for."""
    allowed = "POST" if path == "chat/completions" else "GET" if path.partition("/")[0] == "models" else None
    if allowed in (None, request.method):
        raise UnknownRoute
    raise MethodNotAllowed(allowed=allowed)


async def _answer(opened: OpenRun, caller: Principal, request: Request) -> Response:
    async for _ in opened.events():
        if await request.is_disconnected():
            raise RunCancelled
    run = await opened.result()
    if run.status not in ANSWERED:
        return of_run(run.error, run.id)
    told = completion_of(run, await usage(caller.user, run))
    return JSONResponse(told.model_dump(), headers={"X-Run-Id": run.id})
