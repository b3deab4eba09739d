"""Any database reaches the newest version from anywhere, once, whoever asks at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, insert, inspect, select
from sqlalchemy.engine import make_url

from core.commands import COMMANDS
from core.config import ROOT
from core.db import Database
from core.db.migrate import HEAD, MIGRATIONS, downgrade, is_current, upgrade
from core.db.tables import departments, metadata, organisation, users
from core.security.sealing import KeyRing


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a single table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'zoark.db'}"
        return
    admin_url: str = request.getfixturevalue("postgres_admin_url")
    name = f"zoark_empty_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        url = make_url(admin_url).set(database=name, drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def db(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.dispose()


def _drift(db: Database) -> list[object]:
    with db.read() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def _tables(db: Database) -> set[str]:
    with db.read() as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_is_taken_up_down_and_up_again(db: Database) -> None:
    assert not is_current(db)
    upgrade(db)
    assert is_current(db)
    assert _tables(db) == set(metadata.tables) | {"alembic_version"}
    assert _drift(db) == []
    downgrade(db, "base")
    assert not is_current(db)
    assert _tables(db) == {"alembic_version"}
    upgrade(db)
    upgrade(db)
    assert is_current(db)
    assert _drift(db) == []


def test_a_drift_would_be_noticed(db: Database) -> None:
    upgrade(db)
    with db.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN error_message")
    assert _drift(db) != []


def test_the_six_departments_are_there_from_the_start(db: Database) -> None:
    upgrade(db)
    with db.read() as connection:
        names = connection.execute(select(departments.c.name).order_by(departments.c.position)).scalars()
        assert list(names) == ["Sales", "HR", "Finance", "Operations", "Marketing", "Support"]


@pytest.mark.parametrize(
    ("before", "after", "back"),
    [(True, "admins", True), (False, "nobody", False), (None, None, None), ("perhaps", None, None)],
)
def test_of_whom_a_second_factor_is_demanded_survives(
    db: Database, before: object, after: object, back: object
) -> None:
    upgrade(db, "0003")
    if before is not None:
        with db.transaction() as connection:
            connection.execute(insert(organisation).values(name="require_admin_two_factor", value=before))

    def settings() -> dict[str, object]:
        with db.read() as connection:
            return {row.name: row.value for row in connection.execute(select(organisation))}

    upgrade(db)
    assert settings() == ({} if after is None else {"two_factor_for": after})
    downgrade(db, "0003")
    assert settings() == ({} if back is None else {"require_admin_two_factor": back})


def test_the_newest_version_is_the_newest_file() -> None:
    files = sorted(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert files[-1].startswith(f"{HEAD}_")
    assert len({name[:4] for name in files}) == len(files)


def test_two_operators_migrating_at_once_both_succeed_and_make_one_administrator(
    db: Database, empty_url: str, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ZOARK_")}
    environment |= {"DATABASE_URL": empty_url, "ZOARK_DATA_DIR": str(tmp_path)}
    if not db.is_sqlite:
        environment["ZOARK_MASTER_KEYS"] = KeyRing.generate().render()
    assert "migrate" in COMMANDS
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "core", "migrate"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        told = [process.communicate(timeout=300) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], told
    assert sum(out.count("The first administrator") for out, _ in told) == 1
    assert is_current(db)
    with db.read() as connection:
        assert connection.execute(select(func.count()).select_from(users)).scalar_one() == 1
