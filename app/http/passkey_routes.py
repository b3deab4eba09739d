"""The pages on which a browser makes or uses a passkey: WebAuthn needs a script, which Streamlit pages have not.

A page asks for the ``options`` of its ceremony, has the device answer them, and posts the answer to ``finish``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app import runtime
from app.http.cookie import TOKEN_FIELD, browser_in
from app.http.origin import comes_from
from app.http.passkey_bodies import Begin, FinishAdding, FinishUse, read_body
from app.http.session_routes import keep_session, private, safe_path
from core.accounts.models import User
from core.errors import CoreError, RateLimitedHere, StepUpRequired
from core.passkeys.failures import PasskeyPageForeign, PasskeySignedOut
from core.passkeys.models import Site
from core.passkeys.sites import origin_of

ASSETS = Path(__file__).with_name("assets")
MARK = ASSETS.parent.parent / "ui" / "assets" / "mark.svg"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ADDED, CONFIRMED = "passkey_added", "passkey_confirmed"

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """The words of a ceremony's page. ``begins_at_once``: nobody has to press its button first."""

    title: str
    about: str
    button: str
    back: str
    begins_at_once: bool = True


PAGES = {
    "sign-in": Page(
        "Sign in with a passkey",
        "Your device asks for your fingerprint, your face or its PIN.",
        "Use a passkey",
        "Sign in another way",
    ),
    "second-step": Page(
        "Two-factor sign-in",
        "Your password was right. Now confirm with your passkey.",
        "Use a passkey",
        "Back",
    ),
    "confirm": Page(
        "Please confirm that it is you",
        "Your device asks for your fingerprint, your face or its PIN.",
        "Use a passkey",
        "Back",
    ),
    "add": Page(
        "Add a passkey",
        "It is kept by this device, by your password manager or by a security key. Then you sign in with your "
        "fingerprint, your face or a PIN, and there is nothing to type.",
        "Add a passkey",
        "Back",
        begins_at_once=False,
    ),
}


def routes() -> list[Route]:
    """Return the routes of passkeys."""
    files = {"passkey.js": "text/javascript", "passkey.css": "text/css"}
    return [
        *(Route(f"/session/passkey/{name}", _asset(ASSETS / name, kind)) for name, kind in files.items()),
        Route("/session/passkey/mark.svg", _asset(MARK, "image/svg+xml")),
        *(Route(f"/session/passkey/{name}", _shown(name, page)) for name, page in PAGES.items()),
        *(
            Route(f"/session/passkey/{name}/options", _answering(begin), methods=["POST"])
            for name, begin in BEGINNINGS.items()
        ),
        *(
            Route(f"/session/passkey/{name}/finish", _answering(finish), methods=["POST"])
            for name, finish in ENDINGS.items()
        ),
    ]


# --- the pages ------------------------------------------------------------------------------------


def _shown(name: str, page: Page) -> Callable[[Request], Any]:
    template = Template((ASSETS / "passkey.html").read_text("utf-8"))

    async def show(request: Request) -> Response:
        next_path = safe_path(request.query_params.get("next", "/"))
        if name in ("add", "confirm") and await _signed_in(request) is None:
            return private(RedirectResponse(next_path, 303))  # it shows the sign-in form
        filled = {
            "ceremony": name,
            "title": page.title,
            "about": page.about,
            "button": page.button,
            "back": page.back,
            "next": next_path,
            "begins": "at-once" if page.begins_at_once else "by-hand",
        }
        html = template.substitute({key: escape(value, quote=True) for key, value in filled.items()})
        return private(HTMLResponse(html, headers={"Content-Security-Policy": POLICY}))

    return show


def _asset(path: Path, kind: str) -> Callable[[Request], Any]:
    content = path.read_bytes()

    async def send(_request: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    return send


# --- what their script posts ----------------------------------------------------------------------


async def _begin_sign_in(request: Request, site: Site, browser: str) -> dict[str, Any]:
    await read_body(request, Begin)
    return await run_in_threadpool(runtime.get_core().passkeys.begin_sign_in, site, browser)


async def _finish_sign_in(request: Request, site: Site, browser: str) -> dict[str, Any]:
    body = await read_body(request, FinishUse)
    user = await run_in_threadpool(runtime.get_core().passkeys.sign_in, site, browser, body.answer.value())
    return await _open(request, user, body.next)


async def _begin_second_step(request: Request, site: Site, browser: str) -> dict[str, Any]:
    body = await read_body(request, Begin)
    return await run_in_threadpool(runtime.get_core().passkeys.begin_second_step, body.token, site, browser)


async def _finish_second_step(request: Request, site: Site, browser: str) -> dict[str, Any]:
    body = await read_body(request, FinishUse)
    finish = runtime.get_core().passkeys.finish_second_step
    user = await run_in_threadpool(finish, body.token, site, browser, body.answer.value())
    return await _open(request, user, body.next)


async def _begin_confirm(request: Request, site: Site, browser: str) -> dict[str, Any]:
    await read_body(request, Begin)
    user = await _actor(request)
    return await run_in_threadpool(runtime.get_core().passkeys.begin_proof, user, site, browser)


async def _finish_confirm(request: Request, site: Site, browser: str) -> dict[str, Any]:
    body = await read_body(request, FinishUse)
    user, prove = await _actor(request), runtime.get_core().passkeys.prove
    await run_in_threadpool(prove, user, _token(request), site, browser, body.answer.value())
    return {"next": _with_notice(body.next, CONFIRMED)}


async def _begin_add(request: Request, site: Site, browser: str) -> dict[str, Any]:
    await read_body(request, Begin)
    user = await _actor(request)
    return await run_in_threadpool(runtime.get_core().passkeys.begin_adding, user, site, browser)


async def _finish_add(request: Request, site: Site, browser: str) -> dict[str, Any]:
    body = await read_body(request, FinishAdding)
    user, add = await _actor(request), runtime.get_core().passkeys.add
    await run_in_threadpool(add, user, site, browser, body.answer.value())
    runtime.wake_worker()  # it sends the notice
    return {"next": _with_notice(body.next, ADDED)}


Handler = Callable[[Request, Site, str], Any]
BEGINNINGS: dict[str, Handler] = {
    "sign-in": _begin_sign_in,
    "second-step": _begin_second_step,
    "confirm": _begin_confirm,
    "add": _begin_add,
}
ENDINGS: dict[str, Handler] = {
    "sign-in": _finish_sign_in,
    "second-step": _finish_second_step,
    "confirm": _finish_confirm,
    "add": _finish_add,
}


def _answering(handle: Handler) -> Callable[[Request], Any]:
    """Let our own page only in, and answer errors as their sentence."""

    async def answer(request: Request) -> Response:
        core = runtime.get_core()
        here = origin_of(core.settings.base_url) or origin_of(f"{request.url.scheme}://{request.url.netloc}")
        try:
            if not comes_from(request.headers, here):
                raise PasskeyPageForeign(here=here)
            found = await handle(request, core.passkeys.site_at(here), browser_in(request.cookies) or "")
        except CoreError as error:
            return private(_refusal(error))
        return private(JSONResponse(found))

    return answer


def _refusal(error: CoreError) -> Response:
    status = {RateLimitedHere: 429, PasskeyPageForeign: 403, StepUpRequired: 403}.get(type(error), 400)
    wait = {"Retry-After": str(error.facts["wait_seconds"])} if isinstance(error, RateLimitedHere) else None
    return JSONResponse({"code": error.code, "sentence": error.sentence}, status, headers=wait)


# --- small things ---------------------------------------------------------------------------------


async def _open(request: Request, user: User, next_path: str) -> dict[str, Any]:
    agent = request.headers.get("user-agent", "")
    token = await run_in_threadpool(runtime.get_core().accounts.start_session, user, agent)
    await keep_session(request, token)
    return {"next": safe_path(next_path)}


async def _actor(request: Request) -> User:
    user = await _signed_in(request)
    if user is None:
        raise PasskeySignedOut
    return user


async def _signed_in(request: Request) -> User | None:
    return await run_in_threadpool(runtime.get_core().accounts.session_user, _token(request))


def _token(request: Request) -> str | None:
    token = request.session.get(TOKEN_FIELD)
    return token if isinstance(token, str) else None


def _with_notice(path: str, notice: str) -> str:
    found = safe_path(path)
    return f"{found}{'&' if '?' in found else '?'}notice={notice}"
