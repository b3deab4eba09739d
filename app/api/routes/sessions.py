"""Sessions: where somebody is signed in, in browsers and through the API, and ending it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query

from app import runtime
from app.api.paging import PageQuery, cut
from app.api.principal import Principal, caller
from app.api.problems import problems
from app.api.route import router as new_router
from app.api.schemas import Id, Output, Page

router = new_router("sessions")

Reads = Annotated[Principal, caller("account:read")]
Writes = Annotated[Principal, caller("account:write")]


class SessionShown(Output):
    """A browser or program in which the caller is signed in; ``is_current`` is the one that asks."""

    id: Id
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


class Ended(Output):
    """How many sessions were ended."""

    ended: int


@router.get("/sessions")
def list_sessions(caller: Reads, query: Annotated[PageQuery, Query()]) -> Page[SessionShown]:
    """Return the caller's live sessions: the present one, then the others, last seen first."""
    sessions = runtime.get_core().sessions
    mine = sessions.list(caller.user, caller.session_token, session_id=caller.session_id)
    found, after = cut(mine, query, lambda session: session.id)
    return Page(items=[SessionShown.model_validate(session) for session in found], next=after)


@router.delete("/sessions")
def end_other_sessions(caller: Writes) -> Ended:
    """End all sessions of the caller but the present one. A personal token has none: all of them end."""
    sessions = runtime.get_core().sessions
    return Ended(ended=sessions.end_others(caller.user, caller.session_token, session_id=caller.session_id))


@router.delete("/sessions/{session_id}", status_code=204, responses=problems(404))
def end_session(caller: Writes, session_id: Id) -> None:
    """End one session; its browser or program is signed out at once."""
    runtime.get_core().sessions.end(caller.user, session_id)
