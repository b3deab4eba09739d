"""The way to a sign-in provider and back; afterwards a session, or an account that is connected."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from app import runtime
from app.http.cookie import TOKEN_FIELD, browser_in
from app.http.session_routes import open_session, private, safe_path
from core.accounts.models import User
from core.errors import CoreError, NotFound
from core.oauth.failures import OAuthFlowRefused
from core.oauth.models import Answer

CONNECTIONS = "/connections"


async def start(request: Request) -> Response:
    """Send the browser to a provider: to sign in, or with ``link`` to connect an account there."""
    name, oauth = request.path_params["provider"], runtime.get_core().oauth
    actor, next_path = None, safe_path(request.query_params.get("next", "/"))
    if "link" in request.query_params:
        # Another site must not have somebody connect an account that they did not choose.
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return private(PlainTextResponse("Connecting an account works from Zoark itself only.", 403))
        actor, next_path = await _signed_in(request), CONNECTIONS
        if actor is None:
            return private(RedirectResponse(CONNECTIONS, 303))
    browser = browser_in(request.cookies)
    if not browser:
        return _back(next_path, OAuthFlowRefused.code, name)
    try:
        url = await run_in_threadpool(oauth.begin, actor, name, browser, _redirect_uri(request), next_path)
    except NotFound:
        return private(PlainTextResponse("There is no such sign-in here.", 404))
    except CoreError as error:
        return _back(next_path, error.code, name)
    return private(RedirectResponse(url, 303))


async def callback(request: Request) -> Response:
    """Take up the sign-in that the browser comes back from; nothing that the provider wrote is ever shown."""
    name, core, query = request.path_params["provider"], runtime.get_core(), request.query_params
    browser = browser_in(request.cookies) or ""
    try:
        flow = await run_in_threadpool(core.oauth.take_flow, name, query.get("state", ""), browser)
    except NotFound:
        return private(PlainTextResponse("There is no such sign-in here.", 404))
    except CoreError as error:
        return _back("/", error.code, name)
    actor = await _signed_in(request) if flow.link_user_id else None
    answer = Answer(query.get("code", ""), query.get("error", ""), query.get("iss", ""), _redirect_uri(request))
    try:
        user = await run_in_threadpool(core.oauth.finish, actor, flow, answer)
        if flow.link_user_id:
            return _back(flow.next_path, "oauth_linked", name)
        agent = request.headers.get("user-agent", "")
        token = await run_in_threadpool(core.accounts.start_session, user, agent)
    except CoreError as error:
        return _back(flow.next_path, error.code, name)
    return await open_session(request, token, flow.next_path)


async def _signed_in(request: Request) -> User | None:
    token = request.session.get(TOKEN_FIELD)
    if not isinstance(token, str):
        return None
    return await run_in_threadpool(runtime.get_core().accounts.session_user, token)


def _redirect_uri(request: Request) -> str:
    """Return our address as the provider has it registered, letter by letter."""
    base = runtime.get_core().settings.base_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}/oauth/{request.path_params['provider']}/callback"


def _back(path: str, code: str, provider: str) -> Response:
    mark = "&" if "?" in path else "?"
    return private(RedirectResponse(f"{path}{mark}notice={code}.{provider}", 303))
