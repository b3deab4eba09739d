"""One open connection, on which a deadline and an abort reach every single read and write."""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    from core.security.egress.connector import Connector


class GuardedStream(httpcore.NetworkStream):
    """One open connection: every operation respects the call's deadline and ends when aborted."""

    def __init__(self, connector: Connector, sock: socket.socket) -> None:
        """Take over ``sock``, which ``connector`` has opened."""
        self._connector = connector
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to ``max_bytes``; empty at the end of the stream.

        Raises:
            RunCancelled: the connector was aborted.
            ModelTimeout: the deadline of the call had passed before.
            httpcore.ReadTimeout: nothing came within ``timeout`` seconds or until the deadline.
            httpcore.ReadError: the connection broke.
        """
        try:
            self._sock.settimeout(self._connector.seconds_left(timeout))
            data = self._sock.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except OSError as error:
            self._connector.check_not_aborted()
            raise httpcore.ReadError(str(error)) from error
        # A shut-down socket reads as a clean end; without this a cut answer could pass for a whole one.
        self._connector.check_not_aborted()
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of ``buffer``.

        Raises:
            RunCancelled: the connector was aborted.
            ModelTimeout: the deadline of the call has passed.
            httpcore.WriteTimeout: the peer took nothing for ``timeout`` seconds.
            httpcore.WriteError: the connection broke.
        """
        left = memoryview(buffer)
        try:
            while left:
                self._sock.settimeout(self._connector.seconds_left(timeout))
                left = left[self._sock.send(left) :]
        except TimeoutError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except OSError as error:
            self._connector.check_not_aborted()
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._connector.forget(self._sock)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Encrypt the connection, verifying the peer as ``ssl_context`` says.

        Raises:
            RunCancelled: the connector was aborted.
            ModelTimeout: the deadline of the call has passed.
            httpcore.ConnectTimeout: the handshake took longer than ``timeout`` seconds.
            httpcore.ConnectError: the handshake failed, for instance because of the certificate.
        """
        try:
            seconds = self._connector.seconds_left(timeout)
            wrapped = self._connector.wrap_tls(self._sock, ssl_context, server_hostname)
            self._sock = wrapped
            wrapped.settimeout(seconds)
            wrapped.do_handshake()
            self._connector.check_not_aborted()
        except BaseException as error:
            self.close()
            self._connector.check_not_aborted()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            # ValueError: the host name cannot be used in a handshake.
            if isinstance(error, OSError | ValueError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        return self

    def get_extra_info(self, info: str) -> Any:
        """Answer what httpcore asks about a connection; None for anything unknown."""
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        if info == "socket":
            return self._sock
        if info == "is_readable":
            return _is_readable(self._sock)
        return None


def _is_readable(sock: socket.socket) -> bool:
    """Tell whether an idle connection has something to say, which can only be its end."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
