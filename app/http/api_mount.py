"""The API under /api/v1, made at its first request: who uses only the pages never loads it."""

from __future__ import annotations

import re
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from core.config import load_settings

PATH = "/api/v1"


def mount() -> Mount:
    """Return the route of everything below ``PATH``: addresses with line breaks too, which Starlette leaves out."""
    made = Mount(PATH, LazyApi())
    made.path_regex = re.compile(made.path_regex.pattern, re.DOTALL)
    return made


class LazyApi:
    """Makes the application when somebody calls it."""

    def __init__(self) -> None:
        """Wait."""
        self._app: ASGIApp | None = None
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        await (await self._made())(scope, receive, send)

    async def _made(self) -> ASGIApp:
        if self._app is None:
            self._app = await run_in_threadpool(self._make)
        return self._app

    def _make(self) -> ASGIApp:
        with self._lock:
            from app.api.application import create_api

            return self._app or create_api(load_settings())
