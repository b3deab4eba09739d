"""The one place that opens sockets for outbound calls.

A name is resolved once, every answer is checked, and the socket goes to an answer that was checked: there is
no second resolution that could answer differently (DNS rebinding). Knows nothing of httpx, so that another
HTTP client built on httpcore can use it.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import httpcore

from core.errors import AddressBlocked, ModelTimeout, RunCancelled
from core.security.egress.addresses import is_ip
from core.security.egress.policy import EgressPolicy
from core.security.egress.resolver import Lookup, Resolve, resolve_by_system
from core.security.egress.stream import GuardedStream

_counter_lock = threading.Lock()
_connections_opened = 0


def connections_opened() -> int:
    """Give the number of TCP connections this process has opened through any connector."""
    with _counter_lock:
        return _connections_opened


def _count_connection() -> None:
    global _connections_opened
    with _counter_lock:
        _connections_opened += 1


class Connector(httpcore.NetworkBackend):
    """Resolver and connector of one client; thread-safe.

    Network trouble is raised as httpcore's errors, which httpcore itself needs to see. Our own decisions
    are raised as AddressBlocked, ModelTimeout and RunCancelled.
    """

    def __init__(self, policy: EgressPolicy, *, resolve: Resolve | None = None) -> None:
        """Check every address against ``policy``; ``resolve`` replaces the system's resolver in tests."""
        self._policy = policy
        self._resolve = resolve or resolve_by_system
        self._lock = threading.RLock()
        self._sockets: set[socket.socket] = set()
        self._lookups: set[Lookup] = set()
        self._aborted = False
        # httpcore hands over one timeout per operation and keeps it for a whole answer, so a deadline
        # has to reach the socket by another way: the thread that makes the call carries it.
        self._call = threading.local()

    # --- what a client uses ---

    @property
    def is_aborted(self) -> bool:
        """Tell whether ``abort`` was called."""
        return self._aborted

    def abort(self) -> None:
        """Shut every open socket down and refuse new ones; callable from any thread, any number of times.

        A read that is blocked in another thread ends at once with RunCancelled.
        """
        with self._lock:
            self._aborted = True
            for lookup in self._lookups:
                lookup.give_up()
            for sock in self._sockets:
                with suppress(OSError):
                    # SSLSocket.shutdown would also drop the TLS layer under the reading thread's feet.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Bound everything this thread does on the connector's sockets by ``deadline`` (time.monotonic).

        Raises:
            ModelTimeout: the deadline has passed, now or during an operation inside.
            RunCancelled: the connector was aborted.
        """
        outer: float | None = getattr(self._call, "deadline", None)
        self._call.deadline = deadline
        try:
            self.check_not_aborted()
            self.seconds_left(None)
            yield
        finally:
            self._call.deadline = outer

    def check_name(self, host: str, port: int, seconds: float) -> None:
        """Resolve ``host`` and refuse it as a connection would be refused, without connecting.

        Raises:
            AddressBlocked: any address of ``host`` may not be reached.
            httpcore.ConnectError: the name has no address.
            httpcore.ConnectTimeout: there was no answer in time.
        """
        self._checked_addresses(host, port, seconds)

    # --- what httpcore uses ---

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of ``host`` that answers, within ``timeout`` seconds altogether.

        Raises:
            AddressBlocked: any address of ``host`` may not be reached; nothing is connected then.
            RunCancelled: the connector was aborted.
            ModelTimeout: the deadline of the call has passed.
            httpcore.ConnectError: the name has no address, or every address refused.
            httpcore.ConnectTimeout: there was no answer in time.
        """
        ends_at = None if timeout is None else time.monotonic() + timeout
        addresses = self._checked_addresses(host, port, timeout)
        options = list(socket_options or ())
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for position, address in enumerate(addresses):
            # A dead first address must leave time for the others.
            share = None
            if ends_at is not None:
                share = max(ends_at - time.monotonic(), 0.01) / (len(addresses) - position)
            try:
                return GuardedStream(self, self._connected(address, port, share, local_address, options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("the name has no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Refuse always: a local socket is never a model's address.

        Raises:
            AddressBlocked: always.
        """
        raise AddressBlocked("unix sockets cannot be called")

    def sleep(self, seconds: float) -> None:
        """Wait, as httpcore does between its own retries (which are off)."""
        time.sleep(seconds)

    # --- what the streams use ---

    def check_not_aborted(self) -> None:
        """Stop a call that goes on after ``abort``.

        Raises:
            RunCancelled: the connector was aborted.
        """
        if self._aborted:
            raise RunCancelled

    def seconds_left(self, timeout: float | None) -> float | None:
        """Cut ``timeout`` (seconds) to what is left of this thread's deadline.

        Raises:
            ModelTimeout: nothing is left.
        """
        deadline: float | None = getattr(self._call, "deadline", None)
        if deadline is None:
            return timeout
        left = deadline - time.monotonic()
        if left <= 0:
            raise ModelTimeout
        return left if timeout is None else min(timeout, left)

    def wrap_tls(self, sock: socket.socket, context: ssl.SSLContext, name: str | None) -> ssl.SSLSocket:
        """Put TLS over ``sock`` without the handshake, so that ``abort`` reaches the handshake too."""
        with self._lock:
            # wrap_socket empties the old object; the new one takes its place before anyone can look.
            self._sockets.discard(sock)
            try:
                wrapped = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
            except BaseException:
                sock.close()
                raise
            self._sockets.add(wrapped)
            return wrapped

    def forget(self, sock: socket.socket) -> None:
        """Close ``sock``; under the lock, so that ``abort`` never shuts down a reused descriptor."""
        with self._lock:
            self._sockets.discard(sock)
            sock.close()

    # --- inside ---

    def _checked_addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        addresses = [host] if is_ip(host) else self._looked_up(host, port, timeout)
        for address in addresses:
            self._policy.check_answer(host, port, address)
        # A scope id only means something for link-local addresses, which never get here.
        return list(dict.fromkeys(address.partition("%")[0] for address in addresses))

    def _looked_up(self, host: str, port: int, timeout: float | None) -> list[str]:
        seconds = self.seconds_left(timeout)
        with self._lock:
            self.check_not_aborted()
            lookup = Lookup(self._resolve, host, port)
            self._lookups.add(lookup)
        try:
            addresses = lookup.wait(seconds)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("name resolution took too long") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        finally:
            with self._lock:
                self._lookups.discard(lookup)
        self.check_not_aborted()
        return addresses

    def _connected(
        self,
        address: str,
        port: int,
        timeout: float | None,
        local_address: str | None,
        options: list[httpcore.SOCKET_OPTION],
    ) -> socket.socket:
        family = socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6
        seconds = self.seconds_left(timeout)
        with self._lock:
            self.check_not_aborted()
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            self._sockets.add(sock)
        try:
            for option in options:
                sock.setsockopt(*option)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if local_address is not None:
                sock.bind((local_address, 0))
            sock.settimeout(seconds)
            sock.connect((address, port))
            _count_connection()
            self.check_not_aborted()
        except BaseException as error:
            self.forget(sock)
            self.check_not_aborted()
            if isinstance(error, TimeoutError):
                raise httpcore.ConnectTimeout(str(error)) from error
            if isinstance(error, OSError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        return sock
