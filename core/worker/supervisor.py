"""Keeps one embedded worker alive while there is work, from a thread of the web process."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from core import clock
from core.config import ROOT
from core.logs import get_logger

POLL_SECONDS = 5.0
STARTING_POLL_SECONDS = 0.5
STOP_SECONDS = 12.0
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
# A worker that lived this long was healthy: the next one starts at once again.
HEALTHY_SECONDS = 60.0

# How ``core.worker`` ends when another worker already serves the same SQLite database.
EXIT_LOCKED = 3

State = Literal["asleep", "starting", "running", "restarting", "external"]

log = get_logger(__name__)


@dataclass(frozen=True)
class SupervisorState:
    """What the embedded worker is doing; ``exits`` counts deaths in a row."""

    state: State
    exits: int = 0


class Supervisor:
    """Starts, watches, restarts and stops the worker."""

    def __init__(self, work_is_waiting: Callable[[], bool], idle_seconds: float) -> None:
        """Ask ``work_is_waiting`` every 5 s; stop the worker after ``idle_seconds`` without work."""
        self._work_is_waiting = work_is_waiting
        self._idle_seconds = idle_seconds
        self._wake = threading.Event()
        self._end = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._exits = 0
        self._is_external = False
        self._started_at = 0.0
        self._busy_at = 0.0
        self._next_start_at = 0.0
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin to supervise."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self) -> None:
        """Stop the worker and stop supervising."""
        self._end.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS + 3)

    def state(self) -> SupervisorState:
        """Return what the worker is doing."""
        if self._child is not None:
            return SupervisorState("running" if self._ready else "starting", self._exits)
        if self._is_external:
            return SupervisorState("external")
        return SupervisorState("restarting" if self._exits else "asleep", self._exits)

    @property
    def pid(self) -> int | None:
        """The worker's process id while it lives."""
        child = self._child
        return child.pid if child else None

    def _loop(self) -> None:
        while not self._end.is_set():
            try:
                self._look()
            except Exception as error:  # the database may be away for a moment
                log.warning("supervisor could not look", error=type(error).__name__)
            self._wake.wait(self._seconds_to_next_look())
            self._wake.clear()
        self._stop_child()

    def _seconds_to_next_look(self) -> float:
        if self._child is not None:
            return POLL_SECONDS if self._ready else STARTING_POLL_SECONDS
        if not self._exits or self._is_external:
            return POLL_SECONDS
        until_start = self._next_start_at - clock.monotonic_seconds()
        return min(POLL_SECONDS, max(STARTING_POLL_SECONDS, until_start))

    def _look(self) -> None:
        now = clock.monotonic_seconds()
        self._notice_exit(now)
        if self._work_is_waiting():
            self._busy_at = now
            if self._child is None and now >= self._next_start_at:
                self._start_child(now)
        elif self._child is None:
            self._exits, self._is_external = 0, False
        elif now - self._busy_at > self._idle_seconds:
            log.info("no work: the embedded worker goes to sleep")
            self._stop_child()

    def _start_child(self, now: float) -> None:
        self._ready = False
        self._started_at = now
        self._child = subprocess.Popen(
            [sys.executable, "-m", "core.worker", "--embedded"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        threading.Thread(target=self._follow, args=(self._child,), daemon=True).start()

    def _follow(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None  # noqa: S101 - it was opened with a pipe
        for line in child.stdout:
            if line.strip() == b"ready" and child is self._child:
                self._ready = True
        child.wait()  # it closes its output as it ends, however it ends
        self.wake()

    def _notice_exit(self, now: float) -> None:
        if self._child is None or self._child.poll() is None:
            return
        code, self._child, self._ready = self._child.returncode, None, False
        self._is_external = code == EXIT_LOCKED
        if self._is_external:
            self._next_start_at = now + LONGEST_BACKOFF_SECONDS / 4
            return
        self._exits = 1 if now - self._started_at > HEALTHY_SECONDS else self._exits + 1
        pause = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** (self._exits - 1))
        self._next_start_at = now + pause
        log.warning("the embedded worker ended", exit_code=code, next_start_in_seconds=pause)

    def _stop_child(self) -> None:
        child, self._child, self._ready, self._exits = self._child, None, False, 0
        if child is None:
            return
        assert child.stdin is not None  # noqa: S101 - it was opened with a pipe
        child.stdin.close()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
