"""The only thing a tool gets of a service's key: it sends requests to the allowed hosts, with the secret placed.

The secret is put in below httpx, so neither its requests nor its log lines have it; answers have it cut out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, quote_plus

import httpx
from pydantic import SecretStr

from core.errors import AddressBlocked, Invalid
from core.keys.hosts import Host, host_of
from core.security.egress import EgressPolicy, guarded_client
from core.security.redact import MASK, redact, redact_tree, register_secret

TOTAL_SECONDS = 30.0
MAX_BYTES = 2_000_000

# Returns address and headers with the secret in its place.
Place = Callable[[httpx.URL, httpx.Headers, str], tuple[httpx.URL, httpx.Headers]]


@dataclass(frozen=True)
class ServiceAnswer:
    """What a service answered; the secret, should it have repeated it, is cut out. A redirect is an answer, too."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text."""
        return redact(self.body.decode("utf-8", "replace"))

    def json(self) -> Any:
        """Return the body as data; raises ValueError when it is none."""
        return redact_tree(json.loads(self.body))


class ServiceClient:
    """Sends requests to the hosts of one key, and to no other; used with ``with``."""

    def __init__(
        self,
        hosts: tuple[Host, ...],
        place: Place,
        secret: SecretStr,
        policy: EgressPolicy,
        *,
        total_seconds: float = TOTAL_SECONDS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Let ``place`` put ``secret`` into each request; call ``hosts`` only, as ``policy`` allows."""
        self._hosts = hosts
        self._secret = secret
        self._guarded = guarded_client(policy, total_seconds=total_seconds, max_bytes=max_bytes)
        for form in forms_of(secret):
            register_secret(form)
        self._http = httpx.Client(
            transport=_Placing(self._guarded.transport, hosts, place, secret),
            timeout=self._guarded.timeout,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            trust_env=False,
            follow_redirects=False,
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> ServiceAnswer:
        """Send one request to ``url``, a whole address on an allowed host.

        Raises:
            AddressBlocked: it is no address, on another host, or may not be called; nothing is sent then.
            Unreachable, ModelTimeout, BadResponse, ResponseTooLarge: there was no whole answer.
            Invalid: this is no request that can be sent.
        """
        try:
            response = self._http.request(
                method, url, headers=headers, params=params, json=json, data=data, content=content
            )
        except httpx.InvalidURL:
            raise AddressBlocked("it cannot be read") from None
        except (httpx.HTTPError, UnicodeError):
            raise Invalid("This request cannot be sent: its address or a header cannot be read.") from None
        return ServiceAnswer(
            response.status_code,
            {name: redact(value) for name, value in response.headers.items()},
            self._without_secret(response.content),
        )

    def get(self, url: str, *, params: Mapping[str, str] | None = None) -> ServiceAnswer:
        """Fetch ``url``; see ``request``."""
        return self.request("GET", url, params=params)

    def abort(self) -> None:
        """Cut off what is under way, from another thread."""
        self._guarded.abort()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._guarded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ServiceClient of {', '.join(map(str, self._hosts))}>"

    def _without_secret(self, body: bytes) -> bytes:
        for form in forms_of(self._secret):
            body = body.replace(form.encode(), MASK.encode())
        return body


class _Placing(httpx.BaseTransport):
    """The last step before the guard: which host is asked, and the secret goes in."""

    def __init__(
        self, guarded: httpx.BaseTransport, hosts: tuple[Host, ...], place: Place, secret: SecretStr
    ) -> None:
        self._guarded = guarded
        self._hosts = hosts
        self._place = place
        self._secret = secret

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.userinfo or host_of(request.url) not in self._hosts:
            raise AddressBlocked("this key may only be sent to the hosts that are listed for it")
        headers = request.headers.copy()
        headers["Host"] = request.url.netloc.decode("ascii")
        url, headers = self._place(request.url, headers, self._secret.get_secret_value())
        timeout = request.extensions.get("timeout", {})
        return self._guarded.handle_request(
            httpx.Request(
                request.method, url, headers=headers, stream=request.stream, extensions={"timeout": timeout}
            )
        )


def forms_of(secret: SecretStr) -> list[str]:
    """Return a secret in every form in which it can stand in an address, a header or an answer, longest first."""
    text = secret.get_secret_value()
    # Of "Token abc" the word alone is as good as the whole.
    words = [word for word in text.split() if len(word) >= MIN_WORD]
    forms = {text, quote(text, safe=""), quote_plus(text), *words}
    return sorted(forms, key=len, reverse=True)


MIN_WORD = 8
