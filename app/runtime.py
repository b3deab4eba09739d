"""The process's core and the supervisor of its worker."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from threading import Lock

from core.bootstrap import Core, build_core, load_ring
from core.config import ROOT, load_settings
from core.db import Database
from core.db.migrate import is_current
from core.errors import SettingsWrong
from core.logs import get_logger
from core.worker.supervisor import Supervisor, SupervisorState

log = get_logger(__name__)


@dataclass
class _Process:
    core: Core | None = None
    supervisor: Supervisor | None = None
    has_routes: bool = False


_process = _Process()
_lock = Lock()


def get_core() -> Core:
    """Return the core; the first caller of the process migrates the database and connects.

    Raises:
        SettingsWrong, MasterKeyWrong: the start is refused, with the sentence to show.
    """
    with _lock:
        if _process.core is None:
            _migrate_if_needed()
            core = build_core()
            _process.core = core
            if core.settings.worker == "embedded":
                supervisor = Supervisor(core.work_is_waiting, core.settings.worker_idle_seconds)
                core.runs.waking.on_work(supervisor.wake)
                supervisor.start()
                _process.supervisor = supervisor
        return _process.core


def worker_state() -> SupervisorState | None:
    """Return what the embedded worker is doing; None when workers are started by hand."""
    return _process.supervisor.state() if _process.supervisor else None


def wake_worker() -> None:
    """Have the supervisor look for work now."""
    if _process.supervisor:
        _process.supervisor.wake()


def shut_down() -> None:
    """Stop the worker and close connections."""
    with _lock:
        if _process.supervisor:
            _process.supervisor.stop()
        if _process.core:
            _process.core.close()
        _process.core = _process.supervisor = None


def routes_are_there() -> bool:
    """Whether the host runs our HTTP routes; without them a sign-in lasts for the browser tab."""
    return _process.has_routes


def announce_routes() -> None:
    """Note that our HTTP routes are served."""
    _process.has_routes = True


def _migrate_if_needed() -> None:
    settings = load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    load_ring(settings)  # before the database: a database without its key is refused
    db = Database(settings.database)
    try:
        if is_current(db):
            return
    except Exception as error:
        raise SettingsWrong("The database cannot be reached: check DATABASE_URL.") from error
    finally:
        db.dispose()
    # In a child: Alembic and DBOS would stay in this process's memory.
    done = subprocess.run(
        [sys.executable, "-m", "core", "migrate"], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        log.error("migration failed", output=done.stderr[-2000:])
        raise SettingsWrong(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "Migration failed.")
