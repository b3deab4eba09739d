"""Puts the API together: routers found in ``app.api.routes``, errors, limits, its own description."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import problems, reference, routes
from app.api.bodies import BodyCap
from app.api.description import described
from app.api.openai.errors import OpenAIErrors
from app.api.rates import Rates
from core.audit.origin import origin
from core.config import Settings
from core.discovery import found_in
from core.errors import CoreError

ABOUT = (
    "Everything that the pages of Zoark can do. Errors are problems (RFC 9457) with a stable `code`. Money is in "
    "micro-dollars, times are in UTC, lists come in pages. With an `Idempotency-Key` a POST can be repeated safely."
)
EXPOSED = ("X-Request-Id", "ETag", "Location", "Retry-After", "Idempotent-Replayed", "X-Run-Id", "Mcp-Session-Id")
TAKEN = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID"),
    *("Mcp-Session-Id", "Mcp-Protocol-Version"),
)


def create_api(settings: Settings) -> FastAPI:
    """Return the application under ``/api/v1``."""
    api = FastAPI(
        title="Zoark",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        middleware=_middleware(settings),
        exception_handlers={
            CoreError: problems.on_core_error,
            RequestValidationError: problems.on_invalid_request,
            HTTPException: problems.on_http_error,
            Exception: problems.on_unexpected,
        },
        generate_unique_id_function=_operation_id,
    )
    api.state.rates = Rates(settings.api_requests_per_minute)
    for router in found_in(routes, "router"):
        api.include_router(router)
    api.routes.extend(reference.routes())
    api.openapi = lambda: described(api)  # type: ignore[method-assign]
    return api


def _middleware(settings: Settings) -> list[Middleware]:
    found = [Middleware(Answered)]
    allowed = [one.strip() for one in settings.cors_origins.split(",") if one.strip()]
    if allowed:
        # Programs in other sites' pages come with a token; the browser's own session is never lent to them.
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=allowed,
                allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
                allow_headers=TAKEN,
                expose_headers=EXPOSED,
                max_age=600,
            )
        )
    return [*found, Middleware(OpenAIErrors), Middleware(BodyCap)]


class Answered:
    """Says in every answer which request it belongs to, and that no cache keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], (b"x-request-id", origin().request_id.encode())]
                if b"cache-control" not in names:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _operation_id(route: APIRoute) -> str:
    return route.name
