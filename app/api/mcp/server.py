"""The SDK's server with agents and workflows as its tools. Imported at the first request: the SDK weighs 12 MB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio
from anyio.abc import TaskStatus
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.api import offers
from app.api.mcp.calls import CALLS
from app.api.mcp.naming import named
from app.api.mcp.progress import sentence_of
from app.api.offers import Offer
from app.api.open_runs import OpenRun, in_thread
from app.api.openai.answers import text_of
from app.api.openai.streaming import ANSWERED
from app.api.principal import Principal
from core.engine.values import Field
from core.errors import CoreError, Invalid, NotFound
from core.logs import get_logger
from core.runs.models import Run

MAX_DESCRIPTION = 1000
INSTRUCTIONS = (
    "Each tool is an AI agent or a workflow of this organisation. Give an agent the whole task as text; it cannot "
    "ask back. A workflow may answer that it waits for somebody's decision: its run goes on without you."
)
INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "What the agent should work on, in full."}},
    "required": ["input"],
    "additionalProperties": False,
}
OUTPUT = {
    "type": "object",
    "properties": {
        "run_id": {"type": "string"},
        "status": {"type": "string"},
        "output": {"type": "string"},
        "outputs": {"type": "object", "description": "What a workflow's outputs are, by name."},
        "cost_micros": {"type": ["integer", "null"], "description": "Micro-dollars; null while unknown."},
        "input_tokens": {"type": "integer"},
        "output_tokens": {"type": "integer"},
    },
    "required": ["run_id", "status", "output", "cost_micros", "input_tokens", "output_tokens"],
}

TYPES: Mapping[str, dict[str, str]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "list": {"type": "array"},
    "object": {"type": "object"},
}

log = get_logger(__name__)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request. Everything that it starts ends with it: no session, no task outlives a request."""
    transport = StreamableHTTPServerTransport(mcp_session_id=None)
    async with anyio.create_task_group() as group:
        await group.start(_serve, transport)
        try:
            await transport.handle_request(scope, receive, send)
        finally:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await transport.terminate()


async def _serve(
    transport: StreamableHTTPServerTransport, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    async with transport.connect() as (reader, writer):
        task_status.started()
        try:
            await _server.run(reader, writer, _server.create_initialization_options(), stateless=True)
        except Exception as error:
            log.error("an MCP request failed", exc_info=error)


async def _list(_request: types.ListToolsRequest) -> types.ServerResult:
    principal = _principal()
    names = named(await in_thread(lambda: offers.visible(principal)))
    runnable = {offer.id for offer in await in_thread(lambda: offers.runnable(principal))}
    tools = [_tool(name, offer) for name, offer in names.items() if offer.id in runnable]
    return types.ServerResult(types.ListToolsResult(tools=tools))


async def _call(request: types.CallToolRequest) -> types.ServerResult:
    context, asked = _server.request_context, request.params
    http: Request = context.request  # type: ignore[assignment]
    principal = _principal()
    label = http.headers.get("mcp-session-id", "")
    with (
        anyio.CancelScope() as scope,
        CALLS.under_way(principal.caller, label, context.request_id, scope),
    ):
        try:
            return types.ServerResult(await _work(principal, asked.name, asked.arguments or {}))
        except CoreError as error:
            return types.ServerResult(_refusal(error.code, error.sentence))
    return types.ServerResult(_refusal("cancelled", "The call was cancelled."))


async def _work(principal: Principal, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
    offer = named(await in_thread(lambda: offers.visible(principal))).get(name)
    text = arguments.get("input")
    if (offer is None or offer.kind == "agent") and (not isinstance(text, str) or set(arguments) != {"input"}):
        raise Invalid("Send one argument, input: the text to work on.", "input")
    if offer is None:
        raise NotFound(what="tool")
    opened = await OpenRun.start(principal, lambda: offers.start(principal.user, offer, arguments))
    try:
        await _follow(opened)
        return _result(await opened.result())
    finally:
        await opened.close()


async def _follow(opened: OpenRun) -> None:
    """Wait for a run's end; tell of its progress who asked for that."""
    context = _server.request_context
    token = context.meta.progressToken if context.meta else None
    async for events in opened.events():
        for event in events:
            message = sentence_of(event)
            if token is not None and message:
                await context.session.send_progress_notification(
                    token, event.seq, message=message, related_request_id=str(context.request_id)
                )


def _principal() -> Principal:
    http: Request = _server.request_context.request  # type: ignore[assignment]
    found: Principal = http.state.principal
    return found


def _tool(name: str, offer: Offer) -> types.Tool:
    return types.Tool(
        name=name,
        title=offer.name,
        description=offer.description[:MAX_DESCRIPTION],
        inputSchema=INPUT if offer.kind == "agent" else _schema_of(offer.fields),
        outputSchema=OUTPUT,
        annotations=types.ToolAnnotations(title=offer.name, readOnlyHint=False, openWorldHint=True),
        _meta={f"zoark/{offer.kind}_id": offer.id},
    )


def _schema_of(fields: Sequence[Field]) -> dict[str, Any]:
    """Return the JSON Schema of a workflow's inputs."""
    return {
        "type": "object",
        "properties": {
            field.name: {**TYPES.get(field.type, {}), **({"description": field.help} if field.help else {})}
            for field in fields
        },
        "required": [field.name for field in fields if field.is_required],
        "additionalProperties": False,
    }


def _result(run: Run) -> types.CallToolResult:
    if run.status not in ANSWERED:
        code, message = (
            (run.error.code, run.error.message) if run.error else ("cancelled", "The run was cancelled.")
        )
        return _refusal(code, message, run)
    text = types.TextContent(type="text", text=text_of(run))
    return types.CallToolResult(content=[text], structuredContent=_told(run))


def _refusal(code: str, sentence: str, run: Run | None = None) -> types.CallToolResult:
    told = {**(_told(run) if run else {}), "error": {"code": code, "message": sentence}}
    text = types.TextContent(type="text", text=sentence)
    return types.CallToolResult(content=[text], structuredContent=told, isError=True)


def _told(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "status": run.status,
        "output": run.output or "",
        **({"outputs": dict(run.outputs)} if run.outputs is not None else {}),
        "cost_micros": run.totals.known_cost_micros,
        "input_tokens": run.totals.input_tokens,
        "output_tokens": run.totals.output_tokens,
    }


_server: Server[Any, Request] = Server("Zoark", version="1", instructions=INSTRUCTIONS)
# Not by the SDK's decorators: they keep one list of tools for all callers.
_server.request_handlers[types.ListToolsRequest] = _list
_server.request_handlers[types.CallToolRequest] = _call
