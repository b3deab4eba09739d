"""What every route does around its own work: check the request, and answer a repeated one as before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from app import runtime
from app.api.bodies import check_request
from app.api.principal import principal_of
from app.api.problems import problems
from core.errors import Invalid
from core.idempotency.models import Answer

IDEMPOTENCY_KEY = "idempotency-key"
MAX_KEY = 200
# Every route may answer these; what else it may answer stands at the route.
EVERYWHERE = problems(401, 403, 422, 429, 500)
REPEATED = frozenset({"content-type", "location", "etag"})

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ApiRoute(APIRoute):
    """A route of the API."""

    def get_route_handler(self) -> Handler:
        """Return what answers its requests."""
        handle = super().get_route_handler()
        is_public = "public" in self.tags

        async def answer(request: Request) -> Response:
            await check_request(request, takes_body=self.body_field is not None)
            key = request.headers.get(IDEMPOTENCY_KEY)
            if key is None or request.method != "POST" or is_public:
                return await handle(request)
            return await _once(request, key, handle)

        return answer


def router(tag: str) -> APIRouter:
    """Return a router for one noun."""
    return APIRouter(tags=[tag], route_class=ApiRoute, responses=EVERYWHERE)


async def _once(request: Request, key: str, handle: Handler) -> Response:
    """Execute a request unless it was executed before; what failed may be tried again."""
    if not 0 < len(key) <= MAX_KEY or not key.isascii() or not key.isprintable():
        raise Invalid(f"An Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters.")
    principal = await run_in_threadpool(principal_of, request)
    # A narrower token must not fetch the answer that a wider one was given.
    scopes = "*" if principal.scopes is None else " ".join(sorted(principal.scopes))
    said = f"{request.method} {request.url.path}?{request.url.query}\n{scopes}\n".encode()
    digest = hashlib.sha256(await request.body()).digest()
    core = runtime.get_core()
    found = await run_in_threadpool(core.idempotency.begin, principal.user, key, said + digest)
    if isinstance(found, Answer):
        return Response(found.body, found.status, {**found.headers, "Idempotent-Replayed": "true"})
    try:
        response = await handle(request)
        body = getattr(response, "body", None)
        if response.status_code < 300 and isinstance(body, bytes):
            headers = {name: value for name, value in response.headers.items() if name in REPEATED}
            await run_in_threadpool(core.idempotency.finish, found, Answer(response.status_code, headers, body))
            return response
    except BaseException:
        await run_in_threadpool(core.idempotency.abandon, found)
        raise
    await run_in_threadpool(core.idempotency.abandon, found)
    return response
