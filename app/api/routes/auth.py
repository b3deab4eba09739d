"""Registering, logging in, refreshing and logging out."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated

from fastapi import Request
from pydantic import Field, SecretStr

from app import runtime
from app.api.principal import AnyCaller, Principal, Visitor, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output
from core.accounts.capabilities import CAPABILITIES
from core.accounts.models import Role
from core.errors import StepUpRequired
from core.logins.models import TokenPair

router = new_router("auth")

Email = Annotated[str, Field(max_length=254, examples=["alice@example.com"])]
Password = Annotated[SecretStr, Field(max_length=1000)]
Person = Annotated[Principal, caller()]
PUBLIC: list[str | Enum] = ["public"]


class Registration(Input):
    """Who wants an account."""

    email: Email
    name: Annotated[str, Field(max_length=200, examples=["Alice"])]
    password: Password


class Login(Input):
    """Who logs in; ``totp`` is a code of their authenticator app, or a recovery code."""

    email: Email
    password: Password
    totp: Annotated[str | None, Field(max_length=40)] = None


class Refresh(Input):
    """A refresh token; it is good once."""

    refresh_token: Annotated[SecretStr, Field(max_length=200)]


class PasswordChange(Input):
    """The present password and the one to come."""

    present: Password
    new: Password


class ResetAsked(Input):
    """Whose password is forgotten."""

    email: Email


class OnItsWay(Output):
    """The answer to everybody who asks for a new password; it does not say whether there is such an account."""

    message: str = "If there is an account with this address, a mail with a link is on its way."


class Tokens(Output):
    """A pair of tokens. Send the access token as ``Authorization: Bearer …``; it lives ``expires_in`` seconds."""

    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 - a name
    expires_in: int


class Me(Output):
    """The person who calls, and what their role lets them do."""

    id: Id
    email: str
    name: str
    role: Role
    department: str | None
    created_at: datetime
    capabilities: tuple[str, ...] = ()


@router.post("/auth/register", status_code=201, tags=PUBLIC, dependencies=[Visitor], responses=problems(409))
def register(body: Registration) -> Me:
    """Make an account, where registration is open. It does not log in."""
    user = runtime.get_core().accounts.register(body.email, body.name, body.password.get_secret_value())
    return Me.model_validate(user).model_copy(update={"capabilities": tuple(sorted(CAPABILITIES[user.role]))})


@router.post("/auth/login", tags=PUBLIC, dependencies=[Visitor])
def login(body: Login, request: Request) -> Tokens:
    """Log in. With two-factor sign-in the answer is 401 ``totp_required``: send it again with ``totp``.

    Where the second factor is a passkey only, the answer is 401 ``passkey_needed``: use a personal token.
    """
    agent = request.headers.get("user-agent", "")
    return _pair(runtime.get_core().logins.login(body.email, body.password.get_secret_value(), body.totp, agent))


@router.post("/auth/refresh", tags=PUBLIC, dependencies=[Visitor])
def refresh(body: Refresh) -> Tokens:
    """Get the next pair of tokens. A refresh token that comes twice ends the whole login."""
    return _pair(runtime.get_core().logins.refresh(body.refresh_token.get_secret_value()))


@router.post("/auth/logout", status_code=204, responses=problems(404))
def logout(caller: AnyCaller) -> None:
    """End this login; its tokens are worthless at once. A personal token is not ended by it."""
    core = runtime.get_core()
    if caller.kind == "login" and caller.session_id:
        core.logins.logout(caller.user, caller.session_id)
    elif caller.kind == "browser":
        core.accounts.end_session(caller.session_token)


@router.post("/auth/password", status_code=204)
def change_password(caller: Person, body: PasswordChange) -> None:
    """Change the caller's password. Their other sessions and logins end; personal tokens stay.

    A personal token cannot do it (403 ``step_up_required``).
    """
    if caller.kind == "token":
        raise StepUpRequired
    runtime.get_core().mail_links.change_password(
        caller.user,
        caller.session_token,
        body.present.get_secret_value(),
        body.new.get_secret_value(),
        session_id=caller.session_id,
    )
    runtime.wake_worker()


@router.post("/auth/password-reset", status_code=202, tags=PUBLIC, dependencies=[Visitor], responses=problems(409))
def request_password_reset(body: ResetAsked) -> OnItsWay:
    """Have a link sent that sets a new password. Everybody gets the same answer, with an account or without.

    Where e-mail is not set up, the answer is 409 ``mail_not_set_up``.
    """
    runtime.get_core().mail_links.request_reset(body.email)
    runtime.wake_worker()
    return OnItsWay()


@router.get("/auth/me")
def me(caller: AnyCaller) -> Me:
    """Return who calls."""
    shown = Me.model_validate(caller.user)
    return shown.model_copy(update={"capabilities": tuple(sorted(CAPABILITIES[caller.user.role]))})


def _pair(pair: TokenPair) -> Tokens:
    return Tokens(
        access_token=pair.access.get_secret_value(),
        refresh_token=pair.refresh.get_secret_value(),
        expires_in=pair.expires_in_seconds,
    )
