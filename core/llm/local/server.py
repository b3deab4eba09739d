"""When the model's server runs: started by the first call, kept while calls are in flight, stopped when idle.

Owned by the worker; the web process never loads a model.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import LocalModelUnavailable
from core.llm.local.about import CONTEXT_TOKENS
from core.llm.local.process import Endpoint, ModelProcess
from core.llm.local.support import why_engine_unavailable
from core.logs import get_logger

__all__ = ["Endpoint", "LocalModelServer"]

log = get_logger(__name__)

# Beyond that the memory is the limit, not the cores.
_MAX_THREADS = 4


class LocalModelServer:
    """At most one running server; safe to use from many threads."""

    def __init__(
        self,
        weights: Path,
        *,
        idle_seconds: float = 300.0,
        context_tokens: int = CONTEXT_TOKENS,
        threads: int | None = None,
        start_seconds: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember how to start; nothing runs yet.

        Args:
            weights: the GGUF file.
            idle_seconds: how long after the last call ``stop_if_idle`` may stop it.
            context_tokens: prompt and answer together.
            threads: how many to compute with; by default the cores we may use, at most four.
            start_seconds: the longest a start may take; a cold, slow disk needs half a minute.
            clock: the time in seconds that ``stop_if_idle`` is compared with.
        """
        self._weights = weights
        self._idle_seconds = idle_seconds
        self._context_tokens = context_tokens
        self._threads = threads
        self._start_seconds = start_seconds
        self._clock = clock
        # Also held during a start, so that everyone who needs the server waits for the same one.
        self._lock = threading.RLock()
        self._process: ModelProcess | None = None
        self._leases = 0
        self._used_at = 0.0

    @property
    def pid(self) -> int | None:
        """The child's process id, or None when it does not run."""
        process = self._process
        return process.pid if process and process.is_alive() else None

    def ensure(self) -> Endpoint:
        """Give the address of the running server, starting it when it does not run or has died.

        Raises:
            LocalModelUnavailable: it cannot run here, its file is missing, or it did not start.
        """
        with self._lock:
            if self._process and not self._process.is_alive():
                log.warning("the local model server has died and is started again")
                self.stop()
            if self._process is None:
                self._process = self._start()
            self.touch()
            return self._process.endpoint

    @contextmanager
    def lease(self) -> Iterator[Endpoint]:
        """Keep the server running while a call is in flight.

        Raises:
            LocalModelUnavailable: as ``ensure``.
        """
        with self._lock:
            endpoint = self.ensure()
            self._leases += 1
        try:
            yield endpoint
        finally:
            with self._lock:
                self._leases -= 1
                self.touch()

    def touch(self) -> None:
        """Count this moment as a use."""
        self._used_at = self._clock()

    def stop_if_idle(self, now_seconds: float) -> bool:
        """Stop the server when it is not leased and was not used for the idle time.

        Args:
            now_seconds: the present time of the same clock, by default ``time.monotonic()``.

        Returns:
            whether it was stopped.
        """
        # A start holds the lock for seconds; whatever is starting is not idle, so do not wait for it.
        if not self._lock.acquire(blocking=False):
            return False
        try:
            idle = now_seconds - self._used_at >= self._idle_seconds
            if self._process is None or self._leases or not idle:
                return False
            self.stop()
            return True
        finally:
            self._lock.release()

    def stop(self) -> None:
        """Stop the server, leased or not; harmless when it does not run."""
        with self._lock:
            process, self._process = self._process, None
            if process:
                process.stop()

    def _start(self) -> ModelProcess:
        if reason := why_engine_unavailable():
            raise LocalModelUnavailable(reason)
        if not self._weights.is_file():
            raise LocalModelUnavailable(f"its file {self._weights.name} is missing.")
        started_at = time.monotonic()
        process = ModelProcess(
            self._weights,
            context_tokens=self._context_tokens,
            threads=self._threads or min(_MAX_THREADS, len(os.sched_getaffinity(0))),
            start_seconds=self._start_seconds,
        )
        log.info("local model server is ready", start_seconds=round(time.monotonic() - started_at, 1))
        return process
