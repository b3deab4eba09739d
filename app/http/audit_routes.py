"""The audit log as a file. Streamlit serves downloads to whoever has their address; this asks who is there."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from app import runtime
from app.http.cookie import TOKEN_FIELD
from app.http.session_routes import private
from core import clock
from core.errors import CoreError, Forbidden, StepUpRequired

PATH = "/session/audit.csv"
PAGE = "/audit"
LONGEST_DAYS = 3660


async def export(request: Request) -> Response:
    """Stream the entries that the page's filters find: ``days``, ``words`` and ``action``."""
    # Another site must not have an administrator's browser take a copy.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return private(PlainTextResponse("The audit log is exported from Zoark itself only.", 403))
    return private(await run_in_threadpool(_export, request))


def _export(request: Request) -> Response:
    core, query = runtime.get_core(), request.query_params
    token = request.session.get(TOKEN_FIELD)
    actor = core.accounts.session_user(token) if isinstance(token, str) else None
    if actor is None or core.two_factor.must_enrol(actor):
        return RedirectResponse(PAGE, 303)  # the page asks for what is missing
    days = query.get("days", "")
    if not (days.isascii() and days.isdecimal() and 0 < int(days[:9]) <= LONGEST_DAYS):
        return PlainTextResponse(f"Say how many days to export: days=1 to days={LONGEST_DAYS}.", 422)
    until = clock.now()
    try:
        pieces = core.audit.export(
            actor, until - timedelta(days=int(days)), until, query.get("words", ""), query.get("action", "")
        )
    except Forbidden as error:
        return PlainTextResponse(error.sentence, 403)
    except StepUpRequired:
        return RedirectResponse(f"{PAGE}?{urlencode({'notice': StepUpRequired.code})}", 303)
    except CoreError as error:
        return PlainTextResponse(error.sentence, 400)
    name = f"zoark-audit-{until:%Y-%m-%d}.csv"
    return StreamingResponse(
        pieces, media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
