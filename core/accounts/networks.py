"""Wrong passwords from one network address: who tries many accounts once each is slowed down, too.

Only wrong ones count, so an office behind one address is not shut out by signing in. When a guesser there has used
the tries up, those who have signed in from there before still come in; everybody else waits.
"""

from __future__ import annotations

from core.accounts import repository
from core.accounts.models import User
from core.audit.origin import origin
from core.db import Connection
from core.errors import LockedOut
from core.limits.service import Limits, network

# 20 in ten minutes.
WRONG_AT_ONCE, WRONG_AN_HOUR = 20, 120


class NetworkLockedOut(LockedOut):
    """Too many wrong passwords from your network. Please wait {wait_seconds} s before the next try."""


def wait_seconds(connection: Connection, limits: Limits, user: User | None, *, is_right: bool) -> int:
    """Return how long the present visitor has to wait, 0 when their try counts; a wrong one is counted.

    Args:
        connection: the transaction that judges the try.
        limits: what counts.
        user: whose address was typed, if it is anybody's.
        is_right: whether the password is.
    """
    place = network(origin().address)
    if not place:  # a command
        return 0
    key = f"sign-in-from/{place}"
    if not is_right:
        return limits.count(connection, key, WRONG_AN_HOUR, WRONG_AT_ONCE)
    wait = limits.wait_seconds(connection, key, WRONG_AN_HOUR, WRONG_AT_ONCE)
    return 0 if wait and user and _has_been_here(connection, user, place) else wait


def _has_been_here(connection: Connection, user: User, place: str) -> bool:
    before = repository.signed_in_with(connection, user.id, "address")
    return any(network(address) == place for address in before)
