"""Who may speak to the MCP server, and the requests that need no server."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from app import runtime
from app.api.bodies import check_request
from app.api.failures import ForeignPage, MethodNotAllowed, NotSignedIn, ScopeMissing, Stopping, TwoFactorMissing
from app.api.mcp.calls import CALLS
from app.api.open_runs import RETRY_SECONDS
from app.api.principal import Principal, principal_of
from core import clock
from core.audit.origin import note_doer

SCOPES = ("agents:read", "runs:write")
SESSION = "mcp-session-id"
CANCELLED = "notifications/cancelled"
STOPPED = -32000  # JSON-RPC leaves the numbers from here to -32099 to servers


class Endpoint:
    """The ASGI app at /mcp. Clients come with a token; a browser's session is never enough."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        request = Request(scope, receive)
        principal = await run_in_threadpool(_admitted, request)
        if principal.doer:
            note_doer(principal.doer)  # not in the thread: what is noted there ends with the call
        if request.method == "DELETE":
            CALLS.cancel_all(principal.caller, request.headers.get(SESSION, ""))
            await Response(status_code=204)(scope, receive, send)
            return
        if request.method != "POST":
            raise MethodNotAllowed(allowed="POST, DELETE")
        await check_request(request, takes_body=True)
        body = await request.body()
        message = _message(body)
        if message.get("method") == CANCELLED:
            _cancel(principal, request, message)
            await Response(status_code=202)(scope, receive, send)
            return
        from app.api.mcp.server import answer

        if message.get("method") == "initialize":
            send = _labelled(send)
        answering = Answering(send)
        await answer(scope, _replayed(body, receive), answering.send)
        await answering.complete(message.get("id"))


class Answering:
    """Sends an answer, and ends it when a server that stops cuts it off: clients would wait for the rest."""

    def __init__(self, send: Send) -> None:
        """Send by ``send``."""
        self._send = send
        self._is_open = False

    async def send(self, message: Message) -> None:
        """Pass on a piece."""
        await self._send(message)
        self._is_open = message["type"] == "http.response.start" or bool(message.get("more_body"))

    async def complete(self, number: object) -> None:
        """Say what happened as the answer to request ``number``, unless it was answered."""
        if not self._is_open:
            return
        error = {"code": STOPPED, "message": Stopping(wait_seconds=RETRY_SECONDS).sentence}
        told = json.dumps({"jsonrpc": "2.0", "id": number, "error": error})
        body = f"event: message\r\ndata: {told}\r\n\r\n".encode()
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _admitted(request: Request) -> Principal:
    """Return who calls.

    Raises:
        ForeignPage: the page of another site calls. Its name may lead here: such a page has no token, but asks.
        NotSignedIn, ScopeMissing, TwoFactorMissing: they may not.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin not in _own_origins(request):
        raise ForeignPage
    if "authorization" not in request.headers:
        raise NotSignedIn
    principal = principal_of(request)
    for scope in SCOPES:
        if principal.scopes is not None and scope not in principal.scopes:
            raise ScopeMissing(scope=scope)
    if runtime.get_core().two_factor.must_enrol(principal.user):
        raise TwoFactorMissing
    return principal


def _own_origins(request: Request) -> set[str]:
    """Return whose pages may call: those that are listed, and our own, whose name must be sure."""
    settings = runtime.get_core().settings
    found = {one.strip() for one in settings.cors_origins.split(",") if one.strip()}
    if settings.base_url:
        base = urlsplit(settings.base_url)
        found.add(f"{base.scheme}://{base.netloc}")
    elif request.url.hostname in ("localhost", "127.0.0.1", "::1"):
        found.add(f"{request.url.scheme}://{request.url.netloc}")
    return found


def _message(body: bytes) -> dict[str, Any]:
    """Return what came, or nothing where the SDK will say what is wrong with it."""
    found = json.loads(body) if body else {}
    return found if isinstance(found, dict) else {}


def _cancel(principal: Principal, request: Request, message: dict[str, Any]) -> None:
    told = message.get("params")
    if isinstance(told, dict):
        CALLS.cancel(principal.caller, request.headers.get(SESSION, ""), told.get("requestId"))


def _labelled(send: Send) -> Send:
    """Give the client a label for the calls of its session."""
    label = clock.new_token()

    async def send_labelled(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 300:
            message = {**message, "headers": [*message["headers"], (SESSION.encode(), label.encode())]}
        await send(message)

    return send_labelled


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, then what really comes: that the client goes away."""
    is_given = False

    async def receive_again() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
