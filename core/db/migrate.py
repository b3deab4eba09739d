"""Brings the database to the newest version, one process at a time. Alembic is imported here only."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, select, table, text
from sqlalchemy.sql import column

from core.db.engine import Connection, Database

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
# The newest version; a test holds it against the files.
HEAD = "0020"
# Any number, the same in every process: "zoark" on a telephone's keys.
ADVISORY_LOCK = 96275
LOCK_POLL_SECONDS = 0.2


def is_current(db: Database) -> bool:
    """Whether the database has the newest version; cheap, and without Alembic."""
    with db.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        version = connection.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()
    return version == HEAD


def has_table(db: Database, name: str) -> bool:
    """Whether the database has a table."""
    with db.read() as connection:
        return inspect(connection).has_table(name)


def upgrade(db: Database, revision: str = "head") -> None:
    """Run the missing migrations; the caller holds ``one_at_a_time``."""
    from alembic import command

    with db.transaction() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(db: Database, revision: str) -> None:
    """Go back to a version, or to ``base``."""
    from alembic import command

    with db.transaction() as connection:
        command.downgrade(_config(connection), revision)


@contextmanager
def one_at_a_time(db: Database, data_dir: Path) -> Iterator[None]:
    """Wait until no other process migrates: a file lock for SQLite, an advisory lock for PostgreSQL."""
    if db.is_sqlite:
        data_dir.mkdir(parents=True, exist_ok=True)
        with (data_dir / "migrate.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with db.read() as connection:
        # Asked again and again: DBOS builds indexes CONCURRENTLY, which waits for every statement that is older,
        # and so for one that waits for this lock.
        while not connection.execute(
            text("SELECT pg_try_advisory_lock(:lock)"), {"lock": ADVISORY_LOCK}
        ).scalar_one():
            connection.rollback()
            time.sleep(LOCK_POLL_SECONDS)
        connection.rollback()  # the lock belongs to the connection, not to the transaction
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": ADVISORY_LOCK})


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
