"""Rate limits that all processes share, by the generic cell rate algorithm in the database."""

from __future__ import annotations

import math
from ipaddress import ip_address, ip_network

from core import clock
from core.db import Connection, Database
from core.errors import RateLimitedHere
from core.limits import repository

HOUR_SECONDS = 3600.0
# Seconds since 1970 as a float are exact to a microsecond only.
ROUNDING_SECONDS = 0.001


def network(address: str) -> str:
    """Return what one visitor has for themselves: an IPv4 address, or the first 64 bits of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{address}/64", strict=False)) if parsed.version == 6 else address


class Limits:
    """Says no to whoever comes too often."""

    def __init__(self, db: Database) -> None:
        """Count in ``db``."""
        self._db = db

    def take(self, key: str, rate: float, burst: int | None = None) -> None:
        """Count one try under ``key`` (120 characters at most), even when what follows fails.

        Args:
            key: what is counted, such as ``reset/<hash of the address>``.
            rate: tries an hour in the long run.
            burst: tries that may come at once; those of an hour unless told.

        Raises:
            RateLimitedHere: there is no try left; says how many seconds to wait.
        """
        with self._db.transaction() as connection:
            wait = self.count(connection, key, rate, burst)
        if wait:
            raise RateLimitedHere(wait_seconds=wait)

    def count(self, connection: Connection, key: str, rate: float, burst: int | None = None) -> int:
        """Count one try as ``take`` does, in the caller's transaction; return how many seconds to wait, or 0."""
        now, interval = clock.now().timestamp(), HOUR_SECONDS / rate
        if repository.take(connection, key, now, interval, _tolerance(rate, burst)):
            return 0
        return max(1, self.wait_seconds(connection, key, rate, burst))

    def wait_seconds(self, connection: Connection, key: str, rate: float, burst: int | None = None) -> int:
        """Return after how many seconds there is a try left, 0 when there is one now; nothing is counted."""
        now = clock.now().timestamp()
        early = (repository.arrival(connection, key) or now) - now - _tolerance(rate, burst)
        return math.ceil(early) if early > 0 else 0

    def forget_old(self, limit: int) -> int:
        """Drop what no longer limits anybody; return how many rows those were, ``limit`` at most."""
        with self._db.transaction() as connection:
            return repository.forget(connection, clock.now().timestamp(), limit)


def _tolerance(rate: float, burst: int | None) -> float:
    return HOUR_SECONDS / rate * ((burst or rate) - 1) + ROUNDING_SECONDS
