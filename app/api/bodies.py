"""What is checked of every body before anything reads it: its size, its type, and that it is plain JSON."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.failures import MediaType, TooLarge
from app.api.problems import respond
from core.errors import Invalid

MAX_BYTES = 256 * 1024
# A graph has 500,000 characters at most, of up to four bytes.
MAX_GRAPH_BYTES = 2 * 1024 * 1024
_GRAPHS = re.compile(r"(?:/api/v1)?/workflows(?:/|$)")
MAX_DEPTH = 50


class BodyCap:
    """Stops reading a body that is too large, whatever its header says."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_GRAPH_BYTES if _GRAPHS.match(scope["path"]) else MAX_BYTES
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told[:12]) > most:
            await respond(TooLarge(limit_bytes=most))(scope, receive, send)
            return
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > most:
                raise TooLarge(limit_bytes=most)
            return message

        await self._app(scope, counted, send)


async def check_request(request: Request, *, takes_body: bool) -> None:
    """Refuse what no route can take.

    Raises:
        MediaType: a body that is not JSON by its header.
        Invalid: it is no JSON, too deep, has numbers that JSON has not, or text that cannot be stored.
        TooLarge: it is too large.
    """
    for place in (request.path_params, request.query_params):
        for name, value in place.items():
            if not (_is_text(str(value)) and _is_text(name)):
                raise Invalid("The address has characters that cannot be used.")
    if not takes_body:
        return
    body = await request.body()
    if not body:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise MediaType
    try:
        value = json.loads(body, parse_constant=_refuse)
        _check(value, MAX_DEPTH)
    except (ValueError, RecursionError):
        raise Invalid("The body is not valid JSON.") from None


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("no number of JSON")


def _check(value: Any, depth: int) -> None:
    if depth == 0:
        raise Invalid(f"The body is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str) and not _is_text(value):
        raise Invalid("The body has characters that cannot be stored.")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth)
            _check(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth - 1)


def _is_text(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
