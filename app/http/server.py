"""What ``app/main.py`` hands to ``st.App``: routes, middleware, start and stop."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
from streamlit import config

from app import runtime
from app.http import api_mount, audit_routes, statement_routes
from app.http.health import healthz, readyz
from app.http.middleware import ProxyScheme, SecurityHeaders
from app.http.oauth_routes import callback, start
from app.http.origin import RequestOrigin
from app.http.passkey_routes import routes as passkey_routes
from app.http.secret import cookie_secret
from app.http.session_routes import logout, redeem
from core import clock
from core.config import load_settings
from core.errors import CoreError
from core.logs import get_logger

log = get_logger(__name__)


def use_cookie_secret() -> None:
    """Sign Streamlit's cookies with our secret; it would make up one per process."""
    with refused_start():
        config.set_option("server.cookieSecret", cookie_secret())


def routes() -> list[BaseRoute]:
    """Return our routes; Streamlit owns every other path."""
    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/session/redeem", redeem),
        Route("/session/logout", logout),
        *passkey_routes(),
        Route(audit_routes.PATH, audit_routes.export),
        *statement_routes.routes(),
        Route("/oauth/{provider}/start", start),
        Route("/oauth/{provider}/callback", callback),
        api_mount.mount(),
    ]


def middleware() -> list[Middleware]:
    """Return our middleware, outermost first."""
    with refused_start():
        settings = load_settings()
        return [
            Middleware(ProxyScheme, trust_proxy=settings.trust_proxy, force_https=settings.force_https),
            Middleware(SecurityHeaders),
            Middleware(RequestOrigin, trust_proxy=settings.trust_proxy),
        ]


@contextlib.asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[dict[str, Any]]:
    """Migrate and connect before the first visitor; stop the worker at the end."""
    runtime.announce_routes()
    with refused_start():
        await run_in_threadpool(runtime.get_core)
    yield {}
    await run_in_threadpool(runtime.shut_down)


def show_script_error(error: Exception) -> bool:
    """Log an unexpected error of a page and show its reference instead of its text."""
    reference = clock.new_id("error")[-12:]
    log.error("page failed", reference=reference, exc_info=error)
    st.error(f"Something went wrong on our side. Reload the page; if it stays, report the reference {reference}.")
    return True


@contextlib.contextmanager
def refused_start() -> Any:
    """Turn a refused start into one sentence and exit code 2, without a traceback."""
    try:
        yield
    except CoreError as error:
        print(f"Zoark cannot start. {error.sentence}", file=sys.stderr, flush=True)
        os._exit(2)
