"""One worker at a time on SQLite: an operating-system lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class WorkerLock:
    """Holds ``worker.lock`` in the data dir until the process ends."""

    def __init__(self, data_dir: Path) -> None:
        """Take nothing yet."""
        self._path = data_dir / "worker.lock"
        self._file: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another worker has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True
