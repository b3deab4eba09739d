"""The httpx face of the guard: the only HTTP client that calls addresses a user can choose.

Errors leave it as core errors, never as httpx's, so that they are the same after any SDK has wrapped them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from core.errors import (
    AddressBlocked,
    BadResponse,
    CoreError,
    Invalid,
    ModelTimeout,
    ResponseTooLarge,
    RunCancelled,
    Unreachable,
)
from core.security.egress.connector import Connector
from core.security.egress.policy import EgressPolicy
from core.security.egress.resolver import Resolve
from core.security.egress.tls import tls_context

_NETWORK_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


class GuardedTransport(httpx.BaseTransport):
    """Sends requests through a Connector, each within a total time and an answer size."""

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        total_seconds: float,
        max_bytes: int,
        connect_seconds: float = 5.0,
        read_seconds: float = 60.0,
        resolve: Resolve | None = None,
    ) -> None:
        """Take the limits of every request; see ``guarded_client``."""
        # How many requests were taken and not refused: whoever answers may bill.
        self.accepted = 0
        self._policy = policy
        self._total_seconds = total_seconds
        self._max_bytes = max_bytes
        self._limits = {
            "connect": connect_seconds,
            "read": read_seconds,
            "write": read_seconds,
            "pool": total_seconds,
        }
        self._connector = Connector(policy, resolve=resolve)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(),
            network_backend=self._connector,
            max_connections=20,
            max_keepalive_connections=10,
            keepalive_expiry=30.0,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request``; a redirect is an answer like any other.

        Raises:
            AddressBlocked: the URL, or an address it resolves to, may not be called.
            Unreachable: no name, refused, TLS failed, or the connection was closed.
            ModelTimeout: there was no whole answer in time.
            BadResponse: the answer is compressed or is not HTTP.
            Invalid: the request is not valid HTTP, for instance a header with a line break.
            RunCancelled: ``abort`` was called.
        """
        self._policy.check_url(request.url)
        call = _Call(self._connector, time.monotonic() + self._total_seconds)
        with call.bounded():
            answer = self._pool.handle_request(self._inner(request))
        self.accepted += answer.status < 300
        body = _BoundedBody(answer, call, self._max_bytes)
        if _is_encoded(answer.headers):
            body.close()
            raise BadResponse
        # The raw connection ("network_stream") stays inside.
        extensions = {name: answer.extensions[name] for name in ("http_version", "reason_phrase")}
        return httpx.Response(answer.status, headers=answer.headers, stream=body, extensions=extensions)

    def abort(self) -> None:
        """End every call that is under way, in any thread, with RunCancelled; later calls get it too."""
        self._connector.abort()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _inner(self, request: httpx.Request) -> httpcore.Request:
        url = request.url
        if not isinstance(request.stream, httpx.SyncByteStream):
            raise TypeError("a guarded client sends synchronous bodies only")
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"accept-encoding"]
        # Only plain bytes can be counted honestly: 1 MB of gzip can be 1 GB of text.
        headers.append((b"Accept-Encoding", b"identity"))
        asked: Mapping[str, float | None] = request.extensions.get("timeout", {})
        timeout = {name: _smaller(limit, asked.get(name)) for name, limit in self._limits.items()}
        return httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=headers,
            content=request.stream,
            # Nothing else of the caller's: "sni_hostname" and "target" would undo the checks.
            extensions={"timeout": timeout},
        )


class GuardedClient(httpx.Client):
    """A httpx.Client for SDKs; made by ``guarded_client``. Cookies are not kept."""

    def __init__(self, transport: GuardedTransport, timeout: httpx.Timeout, headers: dict[str, str]) -> None:
        """Own ``transport``."""
        self._guarded = transport
        super().__init__(
            transport=transport,
            timeout=timeout,
            headers={**headers, "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            follow_redirects=False,
        )

    @property
    def transport(self) -> GuardedTransport:
        """The transport itself, for an SDK that builds its own ``httpx.Client``."""
        return self._guarded

    def abort(self) -> None:
        """End every call that is under way, in any thread, with RunCancelled; later calls get it too."""
        self._guarded.abort()

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request as httpx does.

        Raises:
            AddressBlocked: ``url`` is not a URL.
        """
        try:
            return super().build_request(method, url, **options)
        except httpx.InvalidURL as error:
            raise AddressBlocked("it cannot be read") from error

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send ``request`` without following redirects, even if the caller (an SDK) asks for it.

        Raises:
            CoreError: as ``GuardedTransport.handle_request``, and ResponseTooLarge.
        """
        return super().send(request, **{**options, "follow_redirects": False})


def guarded_client(
    policy: EgressPolicy,
    *,
    total_seconds: float,
    max_bytes: int,
    connect_seconds: float = 5.0,
    read_seconds: float = 60.0,
    headers: Mapping[str, str] | None = None,
    resolve: Resolve | None = None,
) -> GuardedClient:
    """Make the client for one run or one key test.

    Args:
        policy: which addresses may be called.
        total_seconds: the longest a request may take from its start to the last byte of its answer.
        max_bytes: the largest answer body.
        connect_seconds: for resolving and connecting, and again for the TLS handshake.
        read_seconds: the longest silence of the server. A caller's own timeout can only shorten these.
        headers: sent with every request.
        resolve: replaces the system's resolver in tests.
    """
    transport = GuardedTransport(
        policy,
        total_seconds=total_seconds,
        max_bytes=max_bytes,
        connect_seconds=connect_seconds,
        read_seconds=read_seconds,
        resolve=resolve,
    )
    timeout = httpx.Timeout(read_seconds, connect=connect_seconds, pool=total_seconds)
    return GuardedClient(transport, timeout, dict(headers or {}))


class _RefusingAsyncTransport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise AddressBlocked("asynchronous calls are not used here")


def refusing_async_transport() -> httpx.AsyncBaseTransport:
    """Make a transport for SDKs that build an asynchronous client; every request raises AddressBlocked."""
    return _RefusingAsyncTransport()


def refusing_async_client() -> httpx.AsyncClient:
    """Make a client for SDKs that insist on an asynchronous one; every request raises AddressBlocked."""
    return httpx.AsyncClient(transport=refusing_async_transport(), trust_env=False)


class _Call:
    """One request and its answer: what bounds them, and how their failures are named."""

    def __init__(self, connector: Connector, deadline: float) -> None:
        self._connector = connector
        self._deadline = deadline

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Run one step of the call; network trouble inside becomes a core error."""
        try:
            with self._connector.until(self._deadline):
                yield
        except httpcore.LocalProtocolError:
            # h11 quotes the offending header, which may be the user's key: no cause here.
            raise Invalid("The request cannot be sent: a header has a forbidden character.") from None
        except _NETWORK_ERRORS as error:
            raise self._named(error) from error

    def _named(self, error: Exception) -> CoreError:
        if self._connector.is_aborted:
            return RunCancelled()
        if time.monotonic() >= self._deadline:
            return ModelTimeout()
        if isinstance(error, httpcore.TimeoutException) and not isinstance(error, httpcore.ConnectTimeout):
            return ModelTimeout()
        if isinstance(error, httpcore.RemoteProtocolError) and not _says_closed(error):
            return BadResponse()
        return Unreachable()


class _BoundedBody(httpx.SyncByteStream):
    """The answer's body, read within the call's deadline and counted."""

    def __init__(self, answer: httpcore.Response, call: _Call, max_bytes: int) -> None:
        self._answer = answer
        self._call = call
        self._max_bytes = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        received_bytes = 0
        chunks = self._answer.iter_stream()
        try:
            while True:
                with self._call.bounded():
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                received_bytes += len(chunk)
                if received_bytes > self._max_bytes:
                    raise ResponseTooLarge(limit_bytes=self._max_bytes)
                yield chunk
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._answer.close()


def _is_encoded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(
        name.lower() == b"content-encoding" and value.strip().lower() not in (b"", b"identity")
        for name, value in headers
    )


def _says_closed(error: httpcore.RemoteProtocolError) -> bool:
    """Tell a connection that ended early from an answer that is not HTTP; only the texts differ.

    httpcore: "Server disconnected without sending a response."; h11: "peer closed connection without …".
    """
    return "disconnected" in str(error) or "closed connection" in str(error)


def _smaller(limit: float, asked: float | None) -> float:
    return limit if asked is None else min(limit, asked)
