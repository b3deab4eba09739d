"""The httpx2 face of the guard, for SDKs that take no httpx client.

Everything is sent by the httpx face's transport: one policy, one resolver, one connector, one deadline. The package
does not import it: only a worker that needs it pays for httpx2.
"""

from __future__ import annotations

from collections.abc import Iterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import httpx2

from core.errors import AddressBlocked
from core.security.egress.client import GuardedClient


class _Answer(httpx2.SyncByteStream):
    """The body of a guarded answer, counted and bounded by the face it came through."""

    def __init__(self, inner: httpx.Response) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner.iter_raw()

    def close(self) -> None:
        self._inner.close()


class _Transport(httpx2.BaseTransport):
    """Hands each request to the guarded transport. Its connections belong to the client behind it."""

    def __init__(self, http: GuardedClient) -> None:
        self._inner = http.transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        # The address is read once more by httpx: what is checked is what is called, whatever httpx2 made of it.
        try:
            url = httpx.URL(str(request.url))
        except httpx.InvalidURL as error:
            raise AddressBlocked("it cannot be read") from error
        answer = self._inner.handle_request(
            httpx.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.read(),
                extensions={"timeout": request.extensions.get("timeout", {})},
            )
        )
        return httpx2.Response(answer.status_code, headers=answer.headers.raw, stream=_Answer(answer))


class _Client(httpx2.Client):
    """A client whose caller (an SDK) cannot make it follow redirects."""

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        return super().send(request, **{**options, "follow_redirects": False})


class _RefusingAsyncTransport(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raise AddressBlocked("asynchronous calls are not used here")


def guarded_httpx2_client(http: GuardedClient) -> httpx2.Client:
    """Make a client for one SDK that sends through ``http``; closing ``http`` closes its connections."""
    return _Client(
        transport=_Transport(http),
        timeout=httpx2.Timeout(http.timeout.read, connect=http.timeout.connect, pool=http.timeout.pool),
        headers={"accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
        follow_redirects=False,
    )


def refusing_async_httpx2_client() -> httpx2.AsyncClient:
    """Make a client for SDKs that insist on an asynchronous one; every request raises AddressBlocked."""
    return httpx2.AsyncClient(transport=_RefusingAsyncTransport(), trust_env=False)
