"""Personal API tokens: making, listing and revoking them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import AnyCaller, Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Input, Output, Page, Strings
from core.tokens.models import LONGEST_DAYS, SCOPES, SHORTEST_DAYS

router = new_router("tokens")

Reads = Annotated[Principal, caller("account:read")]
Writes = Annotated[Principal, caller("account:write")]
# No scope lets a token make another: the core asks for a proof that only a person can give.
Person = Annotated[Principal, caller()]
ScopeName = Annotated[str, Field(max_length=40, json_schema_extra={"enum": list(SCOPES)})]


class TokenDraft(Input):
    """A new token."""

    name: Annotated[str, Field(min_length=1, max_length=80, examples=["Nightly report"])]
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=50, examples=[["agents:read", "runs:write"]])]
    expires_in_days: Annotated[int, Field(ge=SHORTEST_DAYS, le=LONGEST_DAYS)] = 90


class TokenShown(Output):
    """A token without its secret; ``hint`` is how it begins. ``last_used_at`` is exact to a minute."""

    id: Id
    name: str
    hint: Annotated[str, Field(examples=["zoark_k3Xz…"])]
    scopes: Strings
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class TokenMade(TokenShown):
    """A new token. ``token`` is its secret: it is shown this once."""

    token: Annotated[str, Field(examples=["zoark_…"])]


class Scope(Output):
    """A scope and what it lets a token do; never more than its owner may."""

    name: Annotated[str, Field(examples=["runs:read"])]
    about: str


@router.get("/tokens/scopes")
def list_scopes(_caller: AnyCaller) -> Page[Scope]:
    """Return every scope a token can have."""
    return Page(items=[Scope(name=name, about=about) for name, about in SCOPES.items()], next=None)


@router.post("/tokens", status_code=201, responses=problems(409))
def create_token(caller: Person, body: TokenDraft, response: Response) -> TokenMade:
    """Make a token and show it, this once.

    It takes a login or browser session that is younger than ten minutes (403 ``step_up_required``); a personal
    token never makes another.
    """
    made = runtime.get_core().tokens.create(caller.user, body.name, body.scopes, body.expires_in_days)
    response.headers["Location"] = f"/api/v1/tokens/{made.token.id}"
    shown = TokenShown.model_validate(made.token)
    return TokenMade(**dict(shown), token=made.secret.get_secret_value())


@router.get("/tokens")
def list_tokens(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[TokenShown]:
    """Return the caller's tokens that are not revoked, newest first; expired ones are among them."""
    found, after = cut(runtime.get_core().tokens.list(caller.user), query, lambda token: token.id)
    return Page(items=[TokenShown.model_validate(token) for token in found], next=after)


@router.get("/tokens/{token_id}", responses=problems(404))
def get_token(caller: Reads, token_id: Id) -> TokenShown:
    """Return one token, without its secret."""
    return TokenShown.model_validate(runtime.get_core().tokens.get(caller.user, token_id))


@router.delete("/tokens/{token_id}", status_code=204, responses=problems(404))
def revoke_token(caller: Writes, token_id: Id) -> None:
    """Revoke a token: it is worthless at once. A token with the scope ``account:write`` can revoke itself."""
    runtime.get_core().tokens.revoke(caller.user, token_id)
