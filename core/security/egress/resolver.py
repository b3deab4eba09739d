"""Name resolution that can be given up: ``getaddrinfo`` itself knows no timeout and cannot be interrupted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

Resolve = Callable[[str, int], Sequence[str]]
"""From a host name and a port to IP addresses; raises OSError when there are none."""


def resolve_by_system(host: str, port: int) -> list[str]:
    """Ask the operating system for every address of ``host``.

    Raises:
        OSError: the name cannot be resolved.
        UnicodeError: the name is not encodable as a domain name.
    """
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(answer[4][0]) for answer in answers]


class Lookup:
    """One resolution in its own thread. ``give_up`` may be called from any thread."""

    def __init__(self, resolve: Resolve, host: str, port: int) -> None:
        """Start resolving ``host`` at once."""
        self._resolve, self._host, self._port = resolve, host, port
        self._finished = threading.Event()
        self._addresses: list[str] = []
        self._error: Exception | None = None
        threading.Thread(target=self._run, name="egress-lookup", daemon=True).start()

    def give_up(self) -> None:
        """Let the waiting thread go on without an answer."""
        self._finished.set()

    def wait(self, seconds: float | None) -> list[str]:
        """Give the addresses, or an empty list after ``give_up``.

        Raises:
            TimeoutError: there was no answer within ``seconds``.
            Exception: whatever the resolver raised, in practice OSError or UnicodeError.
        """
        if not self._finished.wait(seconds):
            raise TimeoutError("name resolution took too long")
        if self._error is not None:
            raise self._error
        return self._addresses

    def _run(self) -> None:
        try:
            self._addresses = list(self._resolve(self._host, self._port))
        except Exception as error:
            self._error = error
        finally:
            self._finished.set()
