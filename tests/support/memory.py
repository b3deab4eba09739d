"""Temporary files of tests rest in memory where there is room: nothing of them has to survive, and disks are slow.

Every commit of a test waits for the disk otherwise, and every database on PostgreSQL is six hundred new files.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import psutil
import pytest

MEMORY = Path("/dev/shm")
NAME = "zoark-tests-"
# A whole run was seen to need a quarter of it.
ROOM = 1024**3


def has_room() -> bool:
    """Whether memory can hold what a whole run leaves until its end, and twice as much for its processes."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return False
    return shutil.disk_usage(MEMORY).free > ROOM and psutil.virtual_memory().available > 3 * ROOM


def remove_what_killed_runs_left() -> None:
    """Give memory back: nobody removes the folder of a run that was killed -9."""
    for folder in MEMORY.glob(f"{NAME}*"):
        pid = folder.name.removeprefix(NAME).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder once for all processes; one that somebody has chosen stays."""
    if hasattr(config, "workerinput") or config.option.basetemp or os.environ.get("TMPDIR") or not has_room():
        return
    remove_what_killed_runs_left()
    folder = tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=MEMORY)
    os.chmod(folder, 0o755)  # as root PostgreSQL runs as another user
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # first in, last out: PostgreSQL has ended by then
