"""The audit log: reading, exporting and checking it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import Field
from starlette.responses import StreamingResponse

from app import runtime
from app.api import schemas
from app.api.paging import PageQuery, cut, decode, encode, piece
from app.api.principal import Principal, caller
from app.api.route import router as new_router
from app.api.schemas import BEGINNING, Id, Moment, Output, Page
from core import clock
from core.audit.models import AuditEntry, ChainProblem

router = new_router("audit")

Reads = Annotated[Principal, caller("admin:read")]


class Filters(schemas.Query):
    """Which entries: those of ``[since, until)`` that fit everything."""

    since: Annotated[Moment | None, Field(description="With a time zone; the beginning of the log otherwise.")] = (
        None
    )
    until: Annotated[Moment | None, Field(description="With a time zone; now otherwise.")] = None
    q: Annotated[
        str, Field(max_length=100, description="A part of person, action, object, address, result or request.")
    ] = ""
    action: Annotated[str, Field(max_length=60, examples=["sign_in.refused"])] = ""

    def asked(self) -> tuple[datetime, datetime, str, str]:
        """Return what the core asks for."""
        return self.since or BEGINNING, self.until or clock.now(), self.q, self.action


class AuditQuery(PageQuery, Filters):
    """Which entries, in pieces."""


class Actor(Output):
    """In whose name it was done; the address as typed where a sign-in was refused."""

    id: Id | None
    email: str


class Thing(Output):
    """What it was done to."""

    type: str
    id: str


class EntryShown(Output):
    """An entry. ``result`` is ``ok`` or an error code; ``doer`` is what acted for the person: a token, a worker."""

    seq: int
    at: datetime
    actor: Actor
    doer: str | None
    address: str
    action: str
    object: Thing
    result: str
    request_id: str
    detail: dict[str, Any]


class Chain(Output):
    """What checking the seals found. ``unchecked`` entries are older than the loss of a master key."""

    is_whole: bool
    entries: int
    unchecked: int
    broken_at: int | None
    problem: ChainProblem | None
    message: str


@router.get("/audit")
def list_audit_entries(caller: Reads, query: Annotated[AuditQuery, Query()]) -> Page[EntryShown]:
    """Return the entries that the filters find, newest first."""
    before = None if query.cursor is None else decode(query.cursor, int)[0]
    search = runtime.get_core().audit.search
    found = search(caller.user, *query.asked(), before=before, limit=query.limit + 1)
    items, rest = piece(found, query, lambda entry: encode(entry.seq))
    return Page(items=[_shown(entry) for entry in items], next=rest)


@router.get("/audit/actions")
def list_audit_actions(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[str]:
    """Return every kind of action that the log has."""
    found, rest = cut(runtime.get_core().audit.actions(caller.user), query, str)
    return Page(items=found, next=rest)


@router.get("/audit/check")
def check_audit_chain(caller: Reads) -> Chain:
    """Check the seal of every entry; it takes a second for some ten thousand."""
    check = runtime.get_core().audit.check(caller.user)
    return Chain(
        is_whole=check.problem is None,
        entries=check.entries,
        unchecked=check.unchecked,
        broken_at=check.broken_at,
        problem=check.problem,
        message=check.sentence,
    )


@router.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export_audit_entries(caller: Reads, query: Annotated[Filters, Query()]) -> StreamingResponse:
    """Return the entries that the filters find as CSV for a spreadsheet; asks for a recent proof.

    The export is an entry itself.
    """
    filters = query.asked()
    pieces = runtime.get_core().audit.export(caller.user, *filters)
    name = f"zoark-audit-{filters[1]:%Y-%m-%d}.csv"
    return StreamingResponse(
        pieces, media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _shown(entry: AuditEntry) -> EntryShown:
    return EntryShown(
        seq=entry.seq,
        at=entry.at,
        actor=Actor(id=entry.actor_id, email=entry.person_email),
        doer=entry.doer,
        address=entry.address,
        action=entry.action,
        object=Thing(type=entry.object_type, id=entry.object_id),
        result=entry.result,
        request_id=entry.request_id,
        detail=dict(entry.detail),
    )
