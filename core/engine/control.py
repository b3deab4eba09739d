"""Stops a run from outside: between calls by a flag, inside a call by closing its sockets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal, Protocol

from core import clock
from core.errors import CoreError, ModelTimeout, RunCancelled

Reason = Literal["cancelled", "timeout"]
# Who was told to stop and has not after so long is left behind: a thread cannot be ended from outside.
GRACE_SECONDS = 10.0


class Abortable(Protocol):
    """A connection that can be cut off from another thread."""

    def abort(self) -> object:
        """End what is under way."""


class Stopped(BaseException):
    """Carries a stop through CrewAI, which swallows ordinary exceptions in places."""

    def __init__(self, error: CoreError) -> None:
        """Carry ``error`` to the node's caller."""
        self.error = error
        super().__init__(error.code)


class RunControl:
    """The switch of one executing node, or of one round of it."""

    def __init__(self, run_id: str, deadline_seconds: float, node_id: str = "") -> None:
        """Stop by itself ``deadline_seconds`` from now."""
        self.run_id = run_id
        self.node_id = node_id
        self.limit_seconds = deadline_seconds
        self.is_abandoned = False
        self._deadline = clock.monotonic_seconds() + deadline_seconds
        self._reason: Reason | None = None
        self._stopped_at = math.inf
        self._clients: list[Abortable] = []
        self._lock = Lock()

    def lift_deadline(self) -> None:
        """Let it take its time: what it consists of has limits of its own."""
        self._deadline = math.inf

    @property
    def is_late(self) -> bool:
        """Whether it was stopped by its own limit."""
        return self._reason == "timeout"

    def is_stuck(self) -> bool:
        """Whether it was told to stop a while ago and still has not."""
        return clock.monotonic_seconds() - self._stopped_at > GRACE_SECONDS

    def attach(self, client: Abortable) -> None:
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
            self._stopped_at = clock.monotonic_seconds()
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
    def node(self, run_id: str, deadline_seconds: float, node_id: str = "") -> Iterator[RunControl]:
        """Give the switch of a node that is about to run."""
        control = RunControl(run_id, deadline_seconds, node_id)
        with self._lock:
            self._active.add(control)
        try:
            yield control
        finally:
            with self._lock:
                self._active.discard(control)

    def run_ids(self) -> list[str]:
        """Return the runs that have a node running here."""
        return sorted({control.run_id for control in self._snapshot() if not control.is_abandoned})

    def stuck(self, run_id: str) -> dict[str, RunControl]:
        """Return the switches of a run's nodes that should have stopped a while ago, by node."""
        found = (control for control in self._snapshot() if control.run_id == run_id and control.is_stuck())
        return {control.node_id: control for control in found}

    def has_abandoned(self) -> bool:
        """Whether something runs here of which nobody expects anything more."""
        return any(control.is_abandoned for control in self._snapshot())

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
