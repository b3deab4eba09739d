"""Calls a service that somebody has stored a key for. Its secret goes to the key's hosts only."""

from __future__ import annotations

import json
from typing import Any, Literal

import httpcore
from pydantic import BaseModel, Field

from core.engine.failures import InDoubt
from core.engine.values import Field as ValueField
from core.engine.values import Shape
from core.errors import AddressBlocked, CoreError, Invalid, ToolFailed, Unreachable
from core.keys.service_client import ServiceAnswer, ServiceClient
from core.tools.base import Tool, ToolContext

MAX_ANSWER = 15_000
MAX_SHOWN = 300
LABEL = "Call service"


class Arguments(BaseModel):
    """What the tool takes."""

    key_id: str = Field(description="The service's key: its name or its id", max_length=80)
    method: Literal["GET", "POST", "PUT"] = Field("GET", description="GET reads; POST and PUT change something")
    url: str = Field(description="The whole address, on a host of the key", max_length=2000)
    body: str = Field("", description="What is sent with POST and PUT, as JSON", max_length=50_000)


def call_service(arguments: BaseModel, context: ToolContext) -> dict[str, Any]:
    """Send one request and return ``{status, body}``; JSON is read.

    Raises:
        ToolFailed: the service refused it, or what to send is no JSON.
        InDoubt: it may have been done.
        CoreError: the key cannot be used, or nothing was sent.
    """
    assert isinstance(arguments, Arguments)  # noqa: S101 - narrows the type; the adapter has validated it
    sent = _json(arguments)
    with context.services.keys.open_service(context.user, _key_id(arguments, context), context.agent_id) as client:
        context.attach(client)
        answer = _answer(client, arguments, sent, context.key)
    body = _body(answer)
    if answer.status >= 300:
        shown = " ".join(answer.text.split())[:MAX_SHOWN]
        raise ToolFailed(tool=LABEL, reason=f"the service answered {answer.status}. {shown}".strip())
    return {"status": answer.status, "body": body}


def acts(arguments: BaseModel) -> bool:
    """Whether a request changes something: RFC 9110 calls GET safe."""
    return getattr(arguments, "method", "GET") != "GET"


def is_repeatable(arguments: BaseModel) -> bool:
    """Whether a request may be sent twice: RFC 9110 calls PUT idempotent. Not every service looks at the key."""
    return getattr(arguments, "method", "GET") == "PUT"


def _answer(client: ServiceClient, arguments: Arguments, sent: Any, key: str) -> ServiceAnswer:
    headers = {"Idempotency-Key": key} if acts(arguments) and key else {}
    body = {} if sent is None else {"json": sent}
    try:
        return client.request(arguments.method, arguments.url, headers=headers, **body)
    except (AddressBlocked, Invalid):
        raise  # nothing was sent
    except CoreError as error:
        if not acts(arguments) or _was_not_sent(error):
            raise
        raise InDoubt from error


def _was_not_sent(error: CoreError) -> bool:
    connecting = httpcore.ConnectError | httpcore.ConnectTimeout
    return isinstance(error, Unreachable) and isinstance(error.__cause__, connecting)


def _json(arguments: Arguments) -> Any:
    if not arguments.body.strip() or not acts(arguments):
        return None
    try:
        return json.loads(arguments.body)
    except (ValueError, RecursionError):
        raise ToolFailed(tool=LABEL, reason="the body is not JSON.") from None


def _body(answer: ServiceAnswer) -> Any:
    text = answer.text[:MAX_ANSWER]
    try:
        return answer.json() if len(answer.text) <= MAX_ANSWER else text
    except (ValueError, RecursionError):
        return text


def _key_id(arguments: Arguments, context: ToolContext) -> str:
    """Return the id of the key that is called so, of those that the person may use; else what was given."""
    keys = [key for key in context.services.keys.list(context.user, "service") if key.access.reaches("run")]
    named = [key.id for key in keys if key.name.casefold() == arguments.key_id.strip().casefold()]
    if len(named) > 1:
        raise ToolFailed(tool=LABEL, reason=f"several keys are called {arguments.key_id}. Use the id of one.")
    return named[0] if named else arguments.key_id.strip()


TOOL = Tool(
    name="call_service",
    label=LABEL,
    description="Calls a web service of the organisation, such as a CRM, and returns its answer. Use the address "
    "and the key that you are told.",
    arguments=Arguments,
    run=call_service,
    shape=Shape("object", (ValueField("status", "number"), ValueField("body", "any"))),
    may_act=True,
    acts=acts,
    is_repeatable=is_repeatable,
)
