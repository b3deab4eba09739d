"""``/healthz``: this process lives. ``/readyz``: it can do its work."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from app import runtime
from core.db.migrate import is_current
from core.errors import CoreError
from core.logs import get_logger

log = get_logger(__name__)


async def healthz(_request: Request) -> JSONResponse:
    """Answer 200 while the process lives."""
    return JSONResponse({"status": "ok"})


async def readyz(_request: Request) -> JSONResponse:
    """Answer 200 when database, migrations and (an external) worker are there, else 503 and what is missing."""
    checks = await run_in_threadpool(_checks)
    good = all(value == "ok" or value == "asleep" for value in checks.values())
    return JSONResponse({"status": "ok" if good else "unready", "checks": checks}, 200 if good else 503)


def _checks() -> dict[str, str]:
    try:
        core = runtime.get_core()
    except CoreError as error:
        return {"start": error.code}
    try:
        core.db.ping()
        migrated = is_current(core.db)
    except Exception as error:
        log.warning("the database does not answer", error=type(error).__name__)
        return {"database": "down"}
    return {
        "database": "ok",
        "migrations": "ok" if migrated else "behind",
        "worker": _worker(core.runs.workers()),
    }


def _worker(live: Sequence[object]) -> str:
    if live:
        return "ok"
    state = runtime.worker_state()
    if state is None:
        return "none"
    # An embedded worker starts when there is work: asleep is its ordinary state.
    return "ok" if state.state == "running" else state.state if state.state == "restarting" else "asleep"
