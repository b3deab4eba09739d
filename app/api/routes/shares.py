"""Who else may use an agent, a workflow or a key."""

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
from app.api.schemas import Id, Input, Output, Page
from app.api.schemas import Query as Parameters
from core.accounts.models import User
from core.errors import Invalid, NotFound
from core.sharing.models import Grantee, GranteeKind, Kind, Level, Share

router = new_router("sharing")

ReadsAgents = Annotated[Principal, caller("agents:read")]
WritesAgents = Annotated[Principal, caller("agents:write")]
ReadsWorkflows = Annotated[Principal, caller("workflows:read")]
WritesWorkflows = Annotated[Principal, caller("workflows:write")]
ReadsKeys = Annotated[Principal, caller("keys:read")]
WritesKeys = Annotated[Principal, caller("keys:write")]

GRANTEE = "A person's id, a department's slug, an agent's id (a key is lent to it); nothing for everyone."
GranteeId = Annotated[Id | None, Field(description=GRANTEE)]
Email = Annotated[str | None, Field(max_length=254, description="A person's address, instead of their id.")]


class ShareDraft(Input):
    """Whom to share with, and what they may do: each level includes those before it."""

    kind: GranteeKind
    id: GranteeId = None
    email: Email = None
    level: Level


class Whom(Parameters):
    """Whose share."""

    kind: GranteeKind
    id: GranteeId = None
    email: Email = None


class ShareShown(Output):
    """A share; ``name`` is how people know the grantee."""

    kind: GranteeKind
    id: Id | None
    name: str
    level: Level
    created_at: datetime


@router.get("/custom-agents/{agent_id}/shares", responses=problems(404))
def list_agent_shares(caller: ReadsAgents, agent_id: Id, query: Annotated[PageQuery, Query()]) -> Page[ShareShown]:
    """Return whom an agent of the caller's is shared with."""
    return _listed(caller.user, "agent", agent_id, query)


@router.put("/custom-agents/{agent_id}/shares", responses=problems(404))
def share_agent(caller: WritesAgents, agent_id: Id, body: ShareDraft) -> ShareShown:
    """Share an agent, or change what somebody may do with it."""
    return _granted(caller.user, "agent", agent_id, body)


@router.delete("/custom-agents/{agent_id}/shares", status_code=204, responses=problems(404))
def unshare_agent(caller: WritesAgents, agent_id: Id, whom: Annotated[Whom, Query()]) -> None:
    """End a share of an agent; runs that have begun on it stop before their next step."""
    runtime.get_core().sharing.revoke(caller.user, "agent", agent_id, _grantee(caller.user, whom))


@router.get("/workflows/{workflow_id}/shares", responses=problems(404))
def list_workflow_shares(
    caller: ReadsWorkflows, workflow_id: Id, query: Annotated[PageQuery, Query()]
) -> Page[ShareShown]:
    """Return whom a workflow of the caller's is shared with."""
    return _listed(caller.user, "workflow", workflow_id, query)


@router.put("/workflows/{workflow_id}/shares", responses=problems(404))
def share_workflow(caller: WritesWorkflows, workflow_id: Id, body: ShareDraft) -> ShareShown:
    """Share a workflow, or change what somebody may do with it. Its agents are shared by themselves."""
    return _granted(caller.user, "workflow", workflow_id, body)


@router.delete("/workflows/{workflow_id}/shares", status_code=204, responses=problems(404))
def unshare_workflow(caller: WritesWorkflows, workflow_id: Id, whom: Annotated[Whom, Query()]) -> None:
    """End a share of a workflow; what has begun goes on."""
    runtime.get_core().sharing.revoke(caller.user, "workflow", workflow_id, _grantee(caller.user, whom))


@router.get("/api-keys/{key_id}/shares", responses=problems(404))
def list_key_shares(caller: ReadsKeys, key_id: Id, query: Annotated[PageQuery, Query()]) -> Page[ShareShown]:
    """Return whom a key of the caller's is shared with, and which agents it is lent to."""
    return _listed(caller.user, "key", key_id, query)


@router.put("/api-keys/{key_id}/shares", responses=problems(404))
def share_key(caller: WritesKeys, key_id: Id, body: ShareDraft) -> ShareShown:
    """Share a key, or change what somebody may do with it. It asks for a login of the last ten minutes."""
    return _granted(caller.user, "key", key_id, body)


@router.delete("/api-keys/{key_id}/shares", status_code=204, responses=problems(404))
def unshare_key(caller: WritesKeys, key_id: Id, whom: Annotated[Whom, Query()]) -> None:
    """End a share of a key; runs that have begun on it stop before their next step."""
    runtime.get_core().sharing.revoke(caller.user, "key", key_id, _grantee(caller.user, whom))


def _listed(actor: User, kind: Kind, object_id: str, query: PageQuery) -> Page[ShareShown]:
    shares = runtime.get_core().sharing.list(actor, kind, object_id)
    found, after = cut(shares, query, lambda share: f"{share.grantee.kind}:{share.grantee.id}")
    return Page(items=[_shown(share) for share in found], next=after)


def _granted(actor: User, kind: Kind, object_id: str, draft: ShareDraft) -> ShareShown:
    sharing = runtime.get_core().sharing
    grantee = _grantee(actor, draft)
    sharing.grant(actor, kind, object_id, grantee, draft.level)
    shown = [share for share in sharing.list(actor, kind, object_id) if share.grantee == grantee]
    if not shown:
        raise NotFound(what="share")
    return _shown(shown[0])


def _grantee(actor: User, named: ShareDraft | Whom) -> Grantee:
    """Return who is named.

    Raises:
        Invalid: too much or too little is said.
        NoSuchPerson: nobody active has this address.
    """
    if named.kind == "everyone":
        if named.id or named.email is not None:
            raise Invalid("Everyone has neither an id nor an address.", "id")
        return Grantee("everyone")
    if named.email is not None and (named.kind != "person" or named.id):
        raise Invalid("An address names a person, instead of an id.", "email")
    if named.email is not None:
        return runtime.get_core().sharing.colleague_at(actor, named.email)
    if not named.id:
        raise Invalid("Say whom, by id.", "id")
    return Grantee(named.kind, named.id)


def _shown(share: Share) -> ShareShown:
    return ShareShown(
        kind=share.grantee.kind,
        id=share.grantee.id or None,
        name=share.name,
        level=share.level,
        created_at=share.created_at,
    )
