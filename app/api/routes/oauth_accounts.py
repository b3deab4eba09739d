"""Connected accounts of sign-in providers. Connecting one takes a browser: it begins at /oauth/{provider}/start."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Output, Page, Strings

router = new_router("oauth")

Reads = Annotated[Principal, caller("account:read")]
Writes = Annotated[Principal, caller("account:write")]


class ConnectedAccount(Output):
    """An account at a provider with which the caller can sign in; ``scopes`` is what Zoark may see there."""

    id: Id
    provider: Annotated[str, Field(examples=["google"])]
    email: str
    name: str
    scopes: Strings
    linked_at: datetime
    last_used_at: datetime | None


@router.get("/oauth/accounts")
def list_connected_accounts(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[ConnectedAccount]:
    """Return the caller's connected accounts, oldest first."""
    found, after = cut(runtime.get_core().oauth.list(caller.user), query, lambda identity: identity.id)
    return Page(items=[ConnectedAccount.model_validate(one) for one in found], next=after)


@router.delete("/oauth/accounts/{account_id}", status_code=204, responses=problems(404, 409))
def disconnect_account(caller: Writes, account_id: Id) -> None:
    """Disconnect an account; Zoark's access to it ends there, too, if the provider answers.

    It takes a login or browser session that is younger than ten minutes (403 ``step_up_required``). The only way
    to sign in stays (409).
    """
    runtime.get_core().oauth.disconnect(caller.user, account_id)
