"""What the worker is doing, in two words and one sentence."""

from __future__ import annotations

from app import runtime

_EMBEDDED = {
    "asleep": ("Asleep", "The worker starts by itself when there is work."),
    "starting": ("Starting", "The worker takes a few seconds to start."),
    "running": ("Running", "The worker executes runs; it goes to sleep when there is nothing to do."),
    "restarting": ("Restarting", "The worker ended unexpectedly and is started again. The log says why."),
    "external": ("Running", "A worker that was started by hand executes runs."),
}


def describe_worker() -> tuple[str, str]:
    """Return the worker's state and what it means."""
    state = runtime.worker_state()
    if state is not None:
        return _EMBEDDED[state.state]
    live = len(runtime.get_core().runs.workers())
    if not live:
        return "None", "No worker is running, so runs wait. Start one: python -m core.worker"
    return f"{live} running", "Workers that were started by hand execute runs."
