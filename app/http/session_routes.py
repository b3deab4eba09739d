"""The two ends of a browser session: a ticket becomes a cookie, and signing out ends it."""

from __future__ import annotations

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import runtime
from app.http.cookie import HALF_FIELD, TOKEN_FIELD, browser_in
from core.errors import TicketRefused


async def redeem(request: Request) -> Response:
    """Exchange a one-time ticket for a session cookie and go on to where the visitor wanted to be."""
    ticket = request.query_params.get("ticket", "")
    browser = browser_in(request.cookies) or ""
    agent = request.headers.get("user-agent", "")
    accounts = runtime.get_core().accounts
    try:
        token = await run_in_threadpool(accounts.redeem_ticket, ticket, browser, agent)
    except TicketRefused:
        return private(RedirectResponse("/?notice=ticket", 303))
    return await open_session(request, token, request.query_params.get("next", "/"))


async def open_session(request: Request, token: str, next_path: str) -> Response:
    """Give the browser a session in the place of the one it has, and send it on."""
    await keep_session(request, token)
    return private(RedirectResponse(safe_path(next_path), 303))


async def await_second_step(request: Request, half: str, next_path: str) -> Response:
    """End the session that the browser has and send it on: every page asks for the code of ``half`` first."""
    await _keep(request, HALF_FIELD, half)
    return private(RedirectResponse(safe_path(next_path), 303))


async def keep_session(request: Request, token: str) -> None:
    """Have the browser keep a session in the place of the one it has, which ends."""
    await _keep(request, TOKEN_FIELD, token)


async def _keep(request: Request, field: str, value: str) -> None:
    old = request.session.get(TOKEN_FIELD)
    if isinstance(old, str):
        await run_in_threadpool(runtime.get_core().accounts.end_session, old)
    request.session.clear()
    request.session[field] = value


async def logout(request: Request) -> Response:
    """End the session in the database and in the browser; another site cannot trigger it."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return private(Response("Signing out works from Zoark itself only.", 403))
    token = request.session.get(TOKEN_FIELD)
    if isinstance(token, str):
        await run_in_threadpool(runtime.get_core().accounts.end_session, token)
    request.session.clear()
    return private(RedirectResponse("/", 303))


def safe_path(path: str) -> str:
    """Return ``path`` when it stays on this site, else the start page."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and "/.." not in path
    if not inside or not path.isprintable() or path.startswith(("/session/", "/oauth/", "/_stcore/")):
        return "/"
    return quote(path, safe="/?&=%-_.~+")


def private(response: Response) -> Response:
    """Keep an answer out of caches and its address out of other sites' logs."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
