"""Administration: who executes runs, how much waits, and the built-in model."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from app import runtime
from app.api.principal import Principal, caller
from app.api.route import router as new_router
from app.api.schemas import Output
from core.local_model.models import LocalModelStatus, State

router = new_router("admin")

Reads = Annotated[Principal, caller("admin:read")]
Writes = Annotated[Principal, caller("admin:write")]


class BacklogShown(Output):
    """How much work there is."""

    queued: int
    running: int
    oldest_queued_at: datetime | None


class WorkerShown(Output):
    """A worker process that is alive; it executes ``slots`` runs at once."""

    host: str
    pid: int
    is_embedded: bool
    slots: int
    started_at: datetime
    heartbeat_at: datetime


class WorkersShown(Output):
    """Who executes runs. ``asleep`` wakes by itself when there is work; with ``none`` runs wait for a worker."""

    state: Literal["none", "asleep", "starting", "running", "restarting"]
    workers: list[WorkerShown]
    backlog: BacklogShown


class LocalModelShown(Output):
    """How far the built-in model is; ``why_unavailable`` says why it cannot run here, if that is so."""

    state: State
    message: str
    bytes_done: int
    bytes_total: int
    updated_at: datetime | None
    why_unavailable: str | None


@router.get("/admin/workers")
def get_workers(caller: Reads) -> WorkersShown:
    """Return the workers that are alive, and how much waits for them."""
    runs = runtime.get_core().runs
    workers, embedded = runs.live_workers(caller.user), runtime.worker_state()
    by_hand: Literal["running", "none"] = "running" if workers else "none"
    return WorkersShown(
        state=by_hand if embedded is None else "running" if embedded.state == "external" else embedded.state,
        workers=[WorkerShown.model_validate(worker) for worker in workers],
        backlog=BacklogShown.model_validate(runs.backlog(caller.user)),
    )


@router.get("/admin/local-model")
def get_local_model(caller: Reads) -> LocalModelShown:
    """Return how far the built-in model is; everybody may know."""
    return _model(runtime.get_core().local_model.status())


@router.post("/admin/local-model", status_code=202)
def prepare_local_model(caller: Writes) -> LocalModelShown:
    """Have the built-in model fetched and checked, before anybody has a key for it."""
    status = runtime.get_core().local_model.prepare(caller.user)
    runtime.wake_worker()
    return _model(status)


def _model(status: LocalModelStatus) -> LocalModelShown:
    return LocalModelShown(
        state=status.state,
        message=status.message,
        bytes_done=status.bytes_done,
        bytes_total=status.bytes_total,
        updated_at=status.updated_at,
        why_unavailable=runtime.get_core().local_model.why_unavailable(),
    )
