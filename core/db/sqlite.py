"""Which SQLite library runs, and how each connection is set up."""

from __future__ import annotations

import fcntl
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL file that two processes write (sqlite.org/wal.html#walresetbug).
FIRST_SAFE_VERSION = (3, 51, 3)


def use_newer_sqlite() -> None:
    """Put ``pysqlite3`` in the place of the standard library's module when the latter is too old.

    It has to happen before SQLAlchemy first asks for ``sqlite3``; then DBOS follows too.
    """
    if sqlite3.sqlite_version_info >= FIRST_SAFE_VERSION:
        return
    try:
        import pysqlite3
        import pysqlite3.dbapi2
    except ImportError:
        return
    sys.modules["sqlite3"] = pysqlite3
    sys.modules["sqlite3.dbapi2"] = pysqlite3.dbapi2


def running_version() -> tuple[int, ...]:
    """Return the version of the SQLite library in use."""
    return tuple(sys.modules["sqlite3"].sqlite_version_info)


def prepare_connection(connection: Any, _record: object) -> None:
    """Set durability, locking and safety on a fresh connection.

    Without a safe SQLite the rollback journal is used: slower, but free of the WAL bug.
    """
    connection.isolation_level = None  # SQLAlchemy's "begin" event starts every transaction, see engine.py
    journal = "WAL" if running_version() >= FIRST_SAFE_VERSION else "DELETE"
    for pragma in (
        f"journal_mode={journal}",
        "synchronous=FULL",
        "busy_timeout=10000",
        "foreign_keys=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


class Turns:
    """Lets writers into a database file one after the other, threads and processes, in the order they came.

    SQLite's own waiting is a race of sleepers: under load the unlucky one gives up with "database is locked".
    """

    def __init__(self, database: str) -> None:
        """Keep the queue in a file beside the database; the operating system ends a dead writer's turn."""
        self._path = Path(f"{database}.turns") if database not in ("", ":memory:") else None

    @contextmanager
    def take(self) -> Iterator[None]:
        """Hold the one turn for the length of the block."""
        if self._path is None:
            yield
            return
        with self._path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
