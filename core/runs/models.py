"""What a run looks like from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from core.turns.fairness import Full
from core.usage.models import Totals

Status = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
ACTIVE: frozenset[str] = frozenset({"queued", "running", "waiting"})
# What may be tried again.
WENT_WRONG: frozenset[str] = frozenset({"failed", "cancelled"})


@dataclass(frozen=True)
class RunError:
    """Why a run failed: ``code`` is stable, ``message`` is a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True)
class Parent:
    """The node, or the round of it, that waits for a run of another workflow inside its own."""

    run_id: str
    node_id: str
    item: int


@dataclass(frozen=True)
class Run:
    """A run and what it has cost so far; ``budget_micros`` is the most it may cost, None without a limit.

    ``segment`` grows by one each time it goes on after waiting or after a failure. ``wake_at`` is when a waiting
    run goes on by itself; while it works, it says that something it waits for has happened. ``origin_run_id`` is
    the run whose results it took over, ``source_id`` the schedule or trigger that started it. ``outputs`` are the
    values of its output nodes by name. From ``shared_at`` on, everybody here who has its link may look at it.
    """

    id: str
    owner_id: str
    agent_id: str | None
    department: str | None
    title: str
    status: Status
    inputs: Mapping[str, Any]
    output: str | None
    error: RunError | None
    created_at: datetime
    started_at: datetime | None
    cancel_requested_at: datetime | None
    ended_at: datetime | None
    totals: Totals = Totals()
    budget_micros: int | None = None
    workflow_id: str | None = None
    workflow_version: int | None = None
    segment: int = 1
    wake_at: datetime | None = None
    origin_run_id: str | None = None
    is_test: bool = False
    parent: Parent | None = None
    source_id: str | None = None
    outputs: Mapping[str, Any] | None = None
    shared_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether it may still change."""
        return self.status in ACTIVE

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self.is_active and self.cancel_requested_at is not None

    @property
    def can_be_retried(self) -> bool:
        """Whether it ended without a result, so that it may be tried again."""
        return self.status in WENT_WRONG


@dataclass(frozen=True)
class RunFilter:
    """Which runs are asked for: of these states (none: of any), of an agent or workflow, in ``[after, before)``."""

    statuses: frozenset[str] = frozenset()
    agent_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    workflow_id: str | None = None


@dataclass(frozen=True)
class RunPage:
    """Runs, newest first; ``has_more`` says that there are older ones."""

    items: tuple[Run, ...]
    has_more: bool


@dataclass(frozen=True)
class Estimate:
    """What a run may cost, in micro-dollars; None while the price is unknown.

    Of ``runs`` last runs it is the median and the most; without any, the most that the first calls cost.
    """

    micros: int | None
    most_micros: int | None
    runs: int


@dataclass(frozen=True)
class RunEvent:
    """Something that happened in a run; ``seq`` starts at 1 and has no gaps."""

    seq: int
    at: datetime
    kind: str
    node_id: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """How far a run has come: its state and the number of its last event."""

    status: Status
    last_seq: int

    @property
    def is_active(self) -> bool:
        """Whether it may still change."""
        return self.status in ACTIVE


@dataclass(frozen=True)
class RunTask:
    """What the worker needs to execute a run; the graph is the copy made when it was started."""

    run: Run
    graph: Mapping[str, Any]


@dataclass(frozen=True)
class Backlog:
    """How much work there is; ``oldest_queued_at`` is None when nothing waits."""

    queued: int
    running: int
    oldest_queued_at: datetime | None


@dataclass(frozen=True)
class QueuePlace:
    """Why a queued run waits: ``full`` is the limit in its way, else ``ahead`` runs have their turn before it."""

    ahead: int
    full: Full | None


@dataclass(frozen=True)
class WorkerInfo:
    """A worker process that has said it is alive; it executes ``slots`` runs at once."""

    executor_id: str
    host: str
    pid: int
    is_embedded: bool
    started_at: datetime
    heartbeat_at: datetime
    stopped_at: datetime | None
    slots: int = 0
