"""Stops a run from outside: between calls by a flag, inside a call by closing its sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Literal

from core import clock
from core.errors import CoreError, ModelTimeout, RunCancelled

if TYPE_CHECKING:
    from core.security.egress import GuardedClient

Reason = Literal["cancelled", "timeout"]


class Stopped(BaseException):
    """Carries a stop through CrewAI, which swallows ordinary exceptions in places."""

    def __init__(self, error: CoreError) -> None:
        """Carry ``error`` to the node's caller."""
        self.error = error
        super().__init__(error.code)


class RunControl:
    """The switch of one executing node."""

    def __init__(self, run_id: str, deadline_seconds: float) -> None:
        """Stop by itself ``deadline_seconds`` from now."""
        self.run_id = run_id
        self._deadline = clock.monotonic_seconds() + deadline_seconds
        self._reason: Reason | None = None
        self._clients: list[GuardedClient] = []
        self._lock = Lock()

    def attach(self, client: GuardedClient) -> None:
        """Have ``client`` aborted on a stop."""
        with self._lock:
            self._clients.append(client)
            stopped = self._reason is not None
        if stopped:
            client.abort()

    def stop(self, reason: Reason) -> None:
        """Stop the node; the first reason counts."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            clients = list(self._clients)
        for client in clients:
            client.abort()

    def stop_if_late(self) -> None:
        """Stop when the time limit is over."""
        if clock.monotonic_seconds() > self._deadline:
            self.stop("timeout")

    def check(self) -> None:
        """Raise ``Stopped`` when the node was stopped; do nothing otherwise."""
        self.stop_if_late()
        if self._reason == "cancelled":
            raise Stopped(RunCancelled())
        if self._reason == "timeout":
            raise Stopped(ModelTimeout())


class Controls:
    """The switches of everything this process executes."""

    def __init__(self) -> None:
        """Start empty."""
        self._active: set[RunControl] = set()
        self._lock = Lock()

    @contextmanager
    def node(self, run_id: str, deadline_seconds: float) -> Iterator[RunControl]:
        """Give the switch of a node that is about to run."""
        control = RunControl(run_id, deadline_seconds)
        with self._lock:
            self._active.add(control)
        try:
            yield control
        finally:
            with self._lock:
                self._active.discard(control)

    def run_ids(self) -> list[str]:
        """Return the runs that have a node running here."""
        with self._lock:
            return sorted({control.run_id for control in self._active})

    def stop_run(self, run_id: str, reason: Reason) -> None:
        """Stop every node of a run."""
        for control in self._snapshot():
            if control.run_id == run_id:
                control.stop(reason)

    def stop_late(self) -> None:
        """Stop what is over its time limit."""
        for control in self._snapshot():
            control.stop_if_late()

    def _snapshot(self) -> list[RunControl]:
        with self._lock:
            return list(self._active)
