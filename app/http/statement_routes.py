"""A statement as a file and as a page to print. Both have what the page Statement shows to the same person."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app import runtime
from app.http import statement_print
from app.http.cookie import TOKEN_FIELD
from app.http.session_routes import private
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import CoreError, Forbidden, NotFound
from core.statements.models import View

PATH = "/session/statement"
PAGE = "/statement"
VIEWS: dict[str, View | None] = {"": None, "mine": "mine", "department": "department", "everybody": "everybody"}

# What is asked for: month, view, department.
Asked = tuple[str, View | None, str | None]


def routes() -> list[Route]:
    """Return the routes of statements."""
    return [Route(f"{PATH}/{{month}}.csv", as_csv), Route(f"{PATH}/{{month}}.html", as_page)]


async def as_csv(request: Request) -> Response:
    """Return a month as CSV; ``view`` and ``department`` narrow it."""
    return await _answer(request, _csv)


async def as_page(request: Request) -> Response:
    """Return a month as a page to print, or to save as PDF; ``view`` and ``department`` narrow it."""
    return await _answer(request, _page)


async def _answer(request: Request, make: Callable[[Core, User, Asked], Response]) -> Response:
    # Another site must not have somebody's browser take a copy.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return private(PlainTextResponse("Statements are opened from Zoark itself only.", 403))
    return private(await run_in_threadpool(_make, request, make))


def _make(request: Request, make: Callable[[Core, User, Asked], Response]) -> Response:
    core, query = runtime.get_core(), request.query_params
    token = request.session.get(TOKEN_FIELD)
    actor = core.accounts.session_user(token) if isinstance(token, str) else None
    if actor is None or core.two_factor.must_enrol(actor):
        return RedirectResponse(PAGE, 303)  # the page asks for what is missing
    view = query.get("view", "")
    if view not in VIEWS:
        return PlainTextResponse("Say whose statement: view=mine, view=department or view=everybody.", 422)
    try:
        return make(core, actor, (request.path_params["month"], VIEWS[view], query.get("department") or None))
    except Forbidden as error:
        return PlainTextResponse(error.sentence, 403)
    except NotFound as error:
        return PlainTextResponse(error.sentence, 404)
    except CoreError as error:
        return PlainTextResponse(error.sentence, 422)


def _csv(core: Core, actor: User, asked: Asked) -> Response:
    name = f"zoark-statement-{asked[0]}.csv"
    return Response(
        core.statements.export(actor, *asked),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _page(core: Core, actor: User, asked: Asked) -> Response:
    company = core.organisation.get().company_name
    html = statement_print.as_html(core.statements.get(actor, *asked), company)
    return HTMLResponse(html, headers={"Content-Security-Policy": statement_print.POLICY})
