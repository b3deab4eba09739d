"""The chat completions of OpenAI's protocol: an agent is a model, an answer is a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from app import runtime
from app.api.failures import MethodNotAllowed, UnknownRoute
from app.api.open_runs import OpenRun, in_thread
from app.api.openai.answers import ChatCompletion, Model, Models, completion_of, model_of
from app.api.openai.conversation import ChatRequest, check, input_of
from app.api.openai.errors import errors, of_run
from app.api.openai.streaming import ChatStream, usage
from app.api.principal import Principal, caller
from app.api.route import ApiRoute
from core.agents.models import Agent
from core.errors import Invalid, NotFound, RunCancelled

router = APIRouter(
    prefix="/openai/v1", tags=["openai"], route_class=ApiRoute, responses=errors(401, 403, 422, 429, 500)
)

Reads = Annotated[Principal, caller("agents:read")]
Chats = Annotated[Principal, caller("runs:write")]
Name = Annotated[str, Path(max_length=200, description="An agent's id, or its name where one has it.")]

STREAMED: dict[str, Any] = {
    "description": "The answer, or with `stream` its pieces as server-sent events.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


@router.get("/models")
def list_models(caller: Reads) -> Models:
    """Return the agents that the caller may run, as models."""
    return Models(data=[model_of(agent) for agent in runtime.get_core().agents.runnable(caller.user)])


@router.get("/models/{model}", responses=errors(404))
def get_model(caller: Reads, model: Name) -> Model:
    """Return one agent that the caller may run."""
    runnable = runtime.get_core().agents.runnable(caller.user)
    found = [one for one in runnable if model in (one.id, one.definition.name)]
    return model_of(_only(found))


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: STREAMED, **errors(400, 402, 404, 409, 424, 503)},
)
async def create_chat_completion(caller: Chats, body: ChatRequest, request: Request) -> Response:
    """Run an agent on a conversation and wait for its answer.

    A single message of the user is the agent's input as it is; a longer conversation is written out as a transcript
    that ends with the last message. Parameters that an agent has settings of its own for are ignored. The run is
    cancelled when the client goes away. A run that fails is answered with the run's own code: 402 when its money is
    used up, 400 when its input is too long, otherwise 424.
    """
    check(body)
    text = input_of(body.messages)
    agent = await in_thread(lambda: _named(caller, body.model))
    opened = await OpenRun.start(caller, agent.id, text, body.budget_micros)
    if body.stream:
        is_live = not agent.definition.tools
        return ChatStream(opened, caller.user, is_live=is_live, wants_usage=body.wants_usage)
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
    if run.status != "succeeded":
        return of_run(run.error, run.id)
    told = completion_of(run, await usage(caller.user, run))
    return JSONResponse(told.model_dump(), headers={"X-Run-Id": run.id})


def _named(caller: Principal, name: str) -> Agent:
    """Return the agent with this id or name that the caller may run.

    Raises:
        NotFound: there is none.
        Invalid: several have this name.
        CoreError: what ``Agents.to_run`` raises about an agent that the caller sees and may not run.
    """
    agents = runtime.get_core().agents
    try:
        return agents.to_run(caller.user, name)
    except NotFound:
        return _only([one for one in agents.runnable(caller.user) if one.definition.name == name])


def _only(found: Sequence[Agent]) -> Agent:
    if len(found) > 1:
        raise Invalid("Several agents have this name. Send the id of one; GET /models lists them.", "model")
    if not found:
        raise NotFound(what="agent")
    return found[0]
