"""Who calls: a login's access token, a personal token, or a browser that is signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer, SecurityScopes
from starlette.concurrency import run_in_threadpool

from app import runtime
from app.api.failures import ForeignPage, NotSignedIn, ScopeMissing, TwoFactorMissing
from app.http.cookie import TOKEN_FIELD
from app.http.origin import comes_from
from core.accounts.models import User
from core.audit.origin import note_doer, origin
from core.tokens.format import PREFIX

TOKEN_CALLER = "token/"  # noqa: S105 - a name
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token of POST /auth/login, or a personal token of the page API tokens.",
)


@dataclass(frozen=True)
class Principal:
    """Who calls and what the way they came lets them do; ``scopes`` is None where that is everything."""

    user: User
    kind: Literal["login", "token", "browser"]
    # Under what their requests are counted.
    caller: str
    scopes: frozenset[str] | None = None
    # What the audit log calls a token that acts in the user's name.
    doer: str = ""
    session_id: str | None = None
    session_token: str | None = None

    def is_alive(self) -> bool:
        """Whether they would still be let in: long answers ask every few seconds. It is no sign of life."""
        core = runtime.get_core()
        if self.kind == "browser":
            return core.accounts.session_user(self.session_token, is_activity=False) is not None
        if self.kind == "login":
            return core.sessions.user_of(str(self.session_id), is_activity=False) is not None
        return core.tokens.is_good(self.caller.removeprefix(TOKEN_CALLER))


def principal_of(request: Request) -> Principal:
    """Return who calls, found once a request.

    Raises:
        NotSignedIn: there is no token, or none that is good.
        ForeignPage: a browser's session is used by the page of another site.
        RateLimitedHere: they call too often.
    """
    found: Principal | None = getattr(request.state, "principal", None)
    if found is None:
        try:
            found = _by_token(request) if "authorization" in request.headers else _by_session(request)
        except NotSignedIn:
            request.app.state.rates.take(f"address/{origin().address}")
            raise
        request.app.state.rates.take(found.caller)
        request.state.principal = found
    return found


async def note_principal(request: Request) -> Principal:
    """Return who calls, and have the audit log name the token that acts for them.

    Not in a thread: what is noted there ends with the call, and the route runs in another one.
    """
    found = await run_in_threadpool(principal_of, request)
    if found.doer:
        note_doer(found.doer)
    return found


def _by_token(request: Request) -> Principal:
    scheme, _, text = request.headers["authorization"].partition(" ")
    if scheme.lower() != "bearer" or not text.isascii():
        raise NotSignedIn
    core, text = runtime.get_core(), text.strip()
    if text.startswith(PREFIX):
        if owner := core.tokens.owner(text):
            user, token = owner
            return Principal(user, "token", TOKEN_CALLER + token.id, frozenset(token.scopes), token.doer)
    elif bearer := core.logins.bearer(text):
        return Principal(bearer.user, "login", f"session/{bearer.session_id}", session_id=bearer.session_id)
    raise NotSignedIn


def _by_session(request: Request) -> Principal:
    token = request.session.get(TOKEN_FIELD) if "session" in request.scope else None
    user = runtime.get_core().accounts.session_user(token) if isinstance(token, str) else None
    if user is None:
        raise NotSignedIn
    own_origin = f"{request.url.scheme}://{request.url.netloc}"
    if request.method in SAFE_METHODS:
        # Browsers do not name the origin of a read of their own site.
        is_ours = request.headers.get("origin", own_origin) == own_origin
        is_ours = is_ours and request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    else:
        is_ours = comes_from(request.headers, own_origin)
    if not is_ours:
        raise ForeignPage
    return Principal(user, "browser", f"user/{user.id}", session_token=token)


async def _principal(
    request: Request, asked: SecurityScopes, _shown: Annotated[object, Security(_bearer)]
) -> Principal:
    """Return who calls; they need the scopes that the route asks for."""
    found = await note_principal(request)
    if found.scopes is not None:
        for scope in asked.scopes:
            if scope not in found.scopes:
                raise ScopeMissing(scope=scope)
    return found


def _enrolled(found: Annotated[Principal, Depends(_principal)]) -> Principal:
    if runtime.get_core().two_factor.must_enrol(found.user):
        raise TwoFactorMissing
    return found


def caller(*scopes: str, must_be_enrolled: bool = True) -> object:
    """Return what stands in ``Annotated[Principal, …]`` of a route: who calls, by a way that has these scopes.

    Without ``must_be_enrolled`` also somebody whom the organisation still asks to set up two-factor sign-in.
    """
    return Security(_enrolled if must_be_enrolled else _principal, scopes=list(scopes))


AnyCaller = Annotated[Principal, caller(must_be_enrolled=False)]


def count_visitor(request: Request) -> None:
    """Count a request of somebody who is not signed in: the dependency of public routes."""
    request.app.state.rates.take(f"address/{origin().address}")


Visitor = Depends(count_visitor)
