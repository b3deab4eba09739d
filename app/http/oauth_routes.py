"""The way to a sign-in provider and back; afterwards a session, or an account that is connected."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from app import runtime
from app.http.cookie import INVITATION_FIELD, TOKEN_FIELD, browser_in, invitation_field, invitation_of
from app.http.session_routes import await_second_step, open_session, private, safe_path
from core.accounts.models import User
from core.errors import CoreError, NotFound, RateLimitedHere
from core.oauth.failures import OAuthFlowRefused
from core.oauth.models import Answer
from core.security.tokens import MAX_LINK_TOKEN

CONNECTIONS = "/connections"
INVITATION = "/invitation"


async def start(request: Request) -> Response:
    """Send the browser to a provider: to sign in, with ``link`` to connect, with ``invitation`` to accept it."""
    name, oauth = request.path_params["provider"], runtime.get_core().oauth
    actor, next_path = None, safe_path(request.query_params.get("next", "/"))
    invitation = request.query_params.get("invitation", "")[:MAX_LINK_TOKEN]
    request.session.pop(INVITATION_FIELD, None)
    if "link" in request.query_params:
        # Another site must not have somebody connect an account that they did not choose.
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return private(PlainTextResponse("Connecting an account works from Zoark itself only.", 403))
        actor, next_path = await _signed_in(request), CONNECTIONS
        if actor is None:
            return private(RedirectResponse(CONNECTIONS, 303))
    browser, back = browser_in(request.cookies), INVITATION if invitation else next_path
    if not browser:
        return _back(back, OAuthFlowRefused.code, name)
    try:
        url = await run_in_threadpool(oauth.begin, actor, name, browser, _redirect_uri(request), next_path)
    except NotFound:
        return private(PlainTextResponse("There is no such sign-in here.", 404))
    except RateLimitedHere as error:
        return _too_many(error)
    except CoreError as error:
        return _back(back, error.code, name)
    if invitation:
        state = dict(parse_qsl(urlsplit(url).query))["state"]
        request.session[INVITATION_FIELD] = invitation_field(state, invitation)
    return private(RedirectResponse(url, 303))


async def callback(request: Request) -> Response:
    """Take up the sign-in that the browser comes back from; nothing that the provider wrote is ever shown."""
    name, core, query = request.path_params["provider"], runtime.get_core(), request.query_params
    browser = browser_in(request.cookies) or ""
    invitation = _invitation_of(request, query.get("state", ""))
    try:
        flow = await run_in_threadpool(core.oauth.take_flow, name, query.get("state", ""), browser)
    except NotFound:
        return private(PlainTextResponse("There is no such sign-in here.", 404))
    except RateLimitedHere as error:
        return _too_many(error)
    except CoreError as error:
        return _back(INVITATION if invitation else "/", error.code, name)
    actor = await _signed_in(request) if flow.link_user_id else None
    answer = Answer(
        query.get("code", ""), query.get("error", ""), query.get("iss", ""), _redirect_uri(request), invitation
    )
    try:
        user = await run_in_threadpool(core.oauth.finish, actor, flow, answer)
        if flow.link_user_id:
            return _back(flow.next_path, "oauth_linked", name)
        if await run_in_threadpool(core.two_factor.is_required, user):
            half = await run_in_threadpool(core.two_factor.begin_sign_in, user, browser)
            return await await_second_step(request, half, flow.next_path)
        agent = request.headers.get("user-agent", "")
        token = await run_in_threadpool(core.accounts.start_session, user, agent)
    except CoreError as error:
        return _back(INVITATION if invitation else flow.next_path, error.code, name)
    return await open_session(request, token, flow.next_path)


async def _signed_in(request: Request) -> User | None:
    token = request.session.get(TOKEN_FIELD)
    if not isinstance(token, str):
        return None
    return await run_in_threadpool(runtime.get_core().accounts.session_user, token)


def _invitation_of(request: Request, state: str) -> str:
    """Return the token of the invitation with which this very sign-in began."""
    began, token = invitation_of(request.session.get(INVITATION_FIELD))
    return token if began and began == state else ""


def _redirect_uri(request: Request) -> str:
    """Return our address as the provider has it registered, letter by letter."""
    base = runtime.get_core().settings.base_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
    return f"{base}/oauth/{request.path_params['provider']}/callback"


def _too_many(error: RateLimitedHere) -> Response:
    """Answer without a redirect: a browser that comes too often is not sent round once more."""
    page = (
        "<!doctype html><html lang='en' style='color-scheme:light dark'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        "<title>Zoark</title><body style='font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;"
        f"padding:0 1rem'><p>{error.sentence}</p><p><a href='/'>Back to Zoark</a></p>"
    )
    return private(HTMLResponse(page, 429, {"Retry-After": str(error.facts["wait_seconds"])}))


def _back(path: str, code: str, provider: str) -> Response:
    mark = "&" if "?" in path else "?"
    return private(RedirectResponse(f"{path}{mark}notice={code}.{provider}", 303))
