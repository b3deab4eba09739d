"""Errors as RFC 9457 problems: one shape for everything that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Literal, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from app.api.failures import MethodNotAllowed, UnknownRoute
from app.api.statuses import status_of, wait_seconds_of
from core import clock
from core.audit.origin import origin
from core.engine.problems import Problem as GraphProblem
from core.errors import CoreError, Internal, Invalid
from core.logs import get_logger
from core.security.redact import redact
from core.workflows.failures import WorkflowInvalid

MEDIA_TYPE = "application/problem+json"
MAX_FIELDS = 50
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Place = Literal["body", "query", "path", "header"]
PLACES: tuple[Place, ...] = get_args(Place)

log = get_logger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field; ``pointer`` is where it is, as RFC 6901 writes it, such as /nodes/0/id."""

    model_config = {"extra": "forbid"}

    place: Place = Field(description="Which part of the request it is in.")
    pointer: str = Field(examples=["/name"])
    code: str = Field(examples=["missing"])
    message: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """An error (RFC 9457). ``code`` is stable; ``detail`` is a sentence for people."""

    model_config = {"extra": "forbid"}

    type: str = Field(examples=["urn:zoark:error:not_found"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["This agent does not exist, or it is not yours."])
    code: str = Field(examples=["not_found"])
    retryable: bool = Field(description="Whether the same request may succeed later.")
    request_id: str = Field(description="Also in the header X-Request-Id; the audit log has it.")
    errors: list[FieldProblem] = Field(description="What is wrong with single fields; empty otherwise.")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these statuses for a route's ``responses``."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


@contextmanager
def renamed(places: Mapping[str, str]) -> Iterator[None]:
    """Say of errors about the core's fields where these are in the body: ``{"percents": "rule.percents"}``."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.sentence, places.get(error.field or "", error.field)) from None


def respond(
    error: CoreError, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that an error has."""
    status = status_of(error)
    problem = Problem(
        type=f"urn:zoark:error:{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=redact(error.sentence),
        code=error.code,
        retryable=error.retryable,
        request_id=origin().request_id,
        errors=list(errors),
    )
    told = dict(headers or {})
    wait = wait_seconds_of(error)
    if wait is not None:
        told["Retry-After"] = str(wait)
    if isinstance(error, MethodNotAllowed):
        told["Allow"] = str(error.facts["allowed"])
    if status == HTTPStatus.UNAUTHORIZED:
        told["WWW-Authenticate"] = "Bearer"
    # Not Starlette's JSONResponse: what somebody typed may hold half a character, which UTF-8 cannot write.
    body = json.dumps(problem.model_dump(), ensure_ascii=True)
    return Response(body, status, told, MEDIA_TYPE)


async def on_core_error(_request: Request, error: Exception) -> Response:
    """Answer an error of the core; one that names a field or nodes of a graph says where it is."""
    assert isinstance(error, CoreError)  # noqa: S101 - it is registered for these
    if isinstance(error, WorkflowInvalid):
        return respond(error, [_graph_problem(one) for one in error.problems[:MAX_FIELDS]])
    if isinstance(error, Invalid) and error.field:
        pointer = "/" + error.field.replace(".", "/")
        return respond(error, [FieldProblem(place="body", pointer=pointer, code="invalid", message=error.sentence)])
    return respond(error)


async def on_invalid_request(_request: Request, error: Exception) -> Response:
    """Answer a request whose fields have not the right form."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    found = [_field_problem(one) for one in error.errors()[:MAX_FIELDS]]
    first = found[0]
    where = f"{first.pointer} in the {first.place}" if first.pointer else f"the {first.place}"
    return respond(Invalid(f"The request is not valid: {where}: {first.message}."), found)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown address, a method that it does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    if error.status_code == HTTPStatus.NOT_FOUND:
        return respond(UnknownRoute())
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        methods = await run_in_threadpool(_methods_at, request)
        return respond(MethodNotAllowed(allowed=", ".join(methods)))
    log.warning("the router refused a request", status=error.status_code, path=request.url.path)
    return respond(Invalid("This request could not be read."))


async def on_unexpected(request: Request, error: Exception) -> Response:
    """Answer a mistake of ours with a reference, and log it."""
    reference = clock.new_id("error")[-12:]
    log.error("request failed", reference=reference, path=request.url.path, exc_info=error)
    return respond(Internal(reference=reference))


def _methods_at(request: Request) -> list[str]:
    """Return every method of an address: the router names those of the first route only.

    An address that stands as it is in the document is not one with a placeholder, though a route with one fits.
    """
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    documented = request.app.openapi()["paths"].get(path)
    if documented is not None:
        return [method.upper() for method in documented]
    asked = ((method, {**request.scope, "method": method}) for method in METHODS)
    return [
        method
        for method, scope in asked
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    ]


def _graph_problem(told: GraphProblem) -> FieldProblem:
    pointer = "".join(f"/{part}" for part in ("nodes", told.node_id, told.field) if part) if told.node_id else ""
    return FieldProblem(place="body", pointer=pointer, code=told.code, message=told.sentence[:400])


def _field_problem(told: Mapping[str, Any]) -> FieldProblem:
    place, *path = told["loc"] or ("body",)
    # A union or a model type stands in the path too; only names and positions are what a client knows.
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)[:400]
    code = str(told["type"])
    known: Place = next((one for one in PLACES if one == place), "body")
    return FieldProblem(place=known, pointer=pointer, code=code, message=str(told["msg"])[:400])
