"""Counts wrong tries at something guessable, inside the transaction that judges them.

A transaction that judges calls ``wait_seconds`` first: tries that run side by side then pass one after the other.
"""

from __future__ import annotations

from core import clock
from core.accounts import lockout, repository
from core.db import Connection


def wait_seconds(connection: Connection, subject_hash: str) -> int:
    """Return how long to wait, 0 when a try is allowed now; no other try is judged until this transaction ends."""
    return lockout.wait_seconds(repository.lock_failures(connection, subject_hash, clock.now()), clock.now())


def count(connection: Connection, subject_hash: str) -> int:
    """Return how many tries were wrong."""
    failures = repository.failures_of(connection, subject_hash)
    return failures.count if failures else 0


def add(connection: Connection, subject_hash: str) -> None:
    """Count a wrong try."""
    repository.add_failure(connection, subject_hash, clock.now())


def clear(connection: Connection, subject_hash: str) -> None:
    """Forget the wrong tries after a right one."""
    repository.clear_failures(connection, subject_hash)
