"""Errors in the shape that OpenAI's clients read, for everything below /openai.

The clients try again by themselves after 408, 409, 429 and 5xx, unless ``x-should-retry`` says otherwise. A second
run costs money a second time: they are told to try again only where that can help, and never after a run.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import MEDIA_TYPE
from core.runs.models import RunError

PREFIX = "/openai/"
TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    424: "run_failed",
    429: "rate_limit_error",
}
NO_RETRY = (b"x-should-retry", b"false")
# What the run's input or money is to blame for; everything else that ends a run is 424: what it depends on failed.
# Not 429 for money, though OpenAI says so: clients wait and try again after it, which does not fill a budget.
OF_RUNS = {"budget_exceeded": 402, "quota": 402, "context_too_long": 400, "rate_limit_too_small": 400}


class ErrorDetail(BaseModel):
    """What went wrong: ``code`` is stable, ``message`` is a sentence for people, ``param`` is where it is."""

    message: str = Field(examples=["This agent does not exist, or it is not yours."])
    type: str = Field(examples=["invalid_request_error"])
    code: str = Field(examples=["not_found"])
    param: str | None = Field(examples=["model"])


class ErrorBody(BaseModel):
    """An error as OpenAI's clients read it."""

    error: ErrorDetail


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these statuses for a route's ``responses``."""
    return {status: {"model": ErrorBody, "description": HTTPStatus(status).phrase} for status in statuses}


def body_of(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    """Return an error's body."""
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def of_run(error: RunError | None, run_id: str) -> Response:
    """Return the answer for a run that did not succeed."""
    code, message = (error.code, error.message) if error else ("cancelled", "The run was cancelled.")
    status = OF_RUNS.get(code, 424)
    headers = {"X-Run-Id": run_id, "X-Should-Retry": "false"}
    return Response(json.dumps(body_of(status, code, message)), status, headers, "application/json")


class OpenAIErrors:
    """Tells the problems of the API below one path in OpenAI's words, whoever found them."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite what is a problem; leave everything else alone."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or not path.startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_rewritten(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_problem(message):
                held = message
            elif held is not None:
                await _send_rewritten(send, held, message["body"])
            else:
                await send(message)

        await self._app(scope, receive, send_rewritten)


def _is_problem(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(MEDIA_TYPE.encode())
        for name, value in start["headers"]
    )


async def _send_rewritten(send: Send, start: Message, body: bytes) -> None:
    """Send a problem, which comes in one piece, in the other shape."""
    problem = json.loads(body)
    param = next((_dotted(one["pointer"]) for one in problem["errors"]), None)
    told = json.dumps(body_of(problem["status"], problem["code"], problem["detail"], param)).encode()
    replaced = (b"content-type", b"content-length")
    headers = [(name, value) for name, value in start["headers"] if name.lower() not in replaced]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
    if not problem["retryable"]:
        headers.append(NO_RETRY)
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": told})


def _dotted(pointer: str) -> str:
    """Return ``messages[0].content`` for ``/messages/0/content``."""
    parts = pointer.removeprefix("/").split("/")
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).removeprefix(".")
