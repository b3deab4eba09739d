"""A call of a route in the matrix of tests.api.test_matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.stage import Stage

# What a stranger, a viewer, a member, a manager and an administrator are answered.
Statuses = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Sent:
    """What is sent: the values in the path, the body as JSON, what stands behind the question mark."""

    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """How a route is called. ``make`` makes what it reaches for; it is the stage's owner's."""

    statuses: Statuses
    make: Callable[[Stage], Sent] = lambda _: Sent()


def everybody(status: int) -> Statuses:
    return (status,) * 5


def own(status: int) -> Statuses:
    """For everybody, of what is theirs."""
    return (404, status, status, status, status)


def for_members(status: int, stranger: int = 404) -> Statuses:
    return (stranger, 403, status, status, status)


def for_managers(status: int) -> Statuses:
    return (403, 403, 403, status, status)


def for_admins(status: int) -> Statuses:
    return (403, 403, 403, 403, status)
