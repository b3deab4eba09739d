"""Where the present call comes from. Faces set it at their edge; the audit log and notices read it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, replace

from core import clock


@dataclass(frozen=True)
class Origin:
    """The network address, browser and id of one request or rerun.

    ``doer`` is who acts where it is not the person themself: a worker, the command line.
    """

    address: str = ""
    user_agent: str = ""
    request_id: str = ""
    doer: str = ""


_current: ContextVar[Origin] = ContextVar("origin")


def set_origin(address: str, user_agent: str) -> None:
    """Say where what follows in this thread or task comes from."""
    _current.set(Origin(address[:64], user_agent[:200], clock.new_id("req")))


def set_doer(doer: str, request_id: str = "") -> None:
    """Say that what follows in this thread is done in somebody's name; ``request_id`` is a run's id, say."""
    _current.set(Origin(request_id=(request_id or clock.new_id("req"))[:40], doer=doer))


def note_doer(doer: str) -> None:
    """Say that this request is done in somebody's name: by an API token of theirs, say."""
    _current.set(replace(origin(), doer=doer))


def origin() -> Origin:
    """Return where the present call comes from; empty where nobody said it."""
    return _current.get(Origin())
