"""Whether the server was told to stop: answers that last must end by themselves, or it waits for them for ever."""

from __future__ import annotations

import signal


def server_is_stopping() -> bool:
    """Return whether uvicorn was told to exit. It handles SIGTERM with a method of its server, which knows."""
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True
