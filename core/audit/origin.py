"""Where the present call comes from. Faces set it at their edge; the audit log and notices read it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from core import clock


@dataclass(frozen=True)
class Origin:
    """The network address, browser and id of one request or rerun."""

    address: str = ""
    user_agent: str = ""
    request_id: str = ""


_current: ContextVar[Origin] = ContextVar("origin")


def set_origin(address: str, user_agent: str) -> None:
    """Say where what follows in this thread or task comes from."""
    _current.set(Origin(address[:64], user_agent[:200], clock.new_id("req")))


def origin() -> Origin:
    """Return where the present call comes from; empty for commands and workers."""
    return _current.get(Origin())
