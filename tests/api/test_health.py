"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app import runtime
from app.http import server
from core import clock
from core.bootstrap import Core
from core.db import Database
from core.runs.models import WorkerInfo
from core.worker.supervisor import SupervisorState


@pytest.fixture
def worker(api_core: Core) -> WorkerInfo:
    """A worker that was started by hand and has just said that it lives."""
    at = clock.now()
    found = WorkerInfo("w1", "host", 1, False, at, at, None)
    api_core.journal.worker_started(found)
    return found


def test_a_process_that_lives_says_so(client: TestClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_lives_even_when_nothing_works(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "get_core", lambda: 1 / 0)
    assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("worker")
def test_with_database_migrations_and_worker_it_is_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "worker": "ok"},
    }


def test_without_a_worker_it_is_not_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unready",
        "checks": {"database": "ok", "migrations": "ok", "worker": "none"},
    }


def test_a_worker_that_fell_silent_counts_as_none(
    client: TestClient, worker: WorkerInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = clock.now() + timedelta(days=365)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert client.get("/readyz").json()["checks"]["worker"] == "none"


@pytest.mark.parametrize(
    ("state", "status", "shown"),
    [
        ("asleep", 200, "asleep"),
        ("starting", 200, "asleep"),
        ("running", 200, "ok"),
        ("restarting", 503, "restarting"),
    ],
)
def test_an_embedded_worker_may_sleep_but_not_die(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, state: str, status: int, shown: str
) -> None:
    monkeypatch.setattr(runtime, "worker_state", lambda: SupervisorState(state))  # type: ignore[arg-type]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["worker"]) == (status, shown)


@pytest.mark.usefixtures("worker")
def test_a_database_that_is_gone_makes_it_unready(
    client: TestClient, api_core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(api_core, db=Database(f"sqlite:///{tmp_path / 'no such folder' / 'zoark.db'}"))
    monkeypatch.setattr(runtime._process, "core", gone)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unready", "checks": {"database": "down"}}


@pytest.mark.usefixtures("worker")
def test_migrations_that_are_behind_make_it_unready(client: TestClient, api_core: Core) -> None:
    with api_core.db.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "behind"


@pytest.mark.usefixtures("api_core")
def test_a_refused_start_is_told_by_its_code_only(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime._process, "core", None)
    monkeypatch.setenv("ZOARK_MASTER_KEYS", "1:YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=")  # another one
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unready", "checks": {"start": "master_key_wrong"}}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_only_read(client: TestClient, path: str) -> None:
    assert client.post(path).status_code == 405


def test_the_server_connects_before_the_first_visitor_and_closes_at_the_end(
    api_core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime._process, "core", None)
    app = Starlette(routes=server.routes(), lifespan=server.lifespan)
    with TestClient(app) as client:
        assert runtime.routes_are_there()
        assert runtime._process.core is not None
        assert client.get("/healthz").status_code == 200
    assert runtime._process.core is None
