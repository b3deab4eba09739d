"""Where a request comes from: its network address, for the audit log and notices, and whether our page sent it."""

from __future__ import annotations

from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from core.audit.origin import set_origin


def client_address(peer: str, forwarded: str, *, trust_proxy: bool) -> str:
    """Return the visitor's address.

    Args:
        peer: the other end of the connection.
        forwarded: ``X-Forwarded-For``; its last hop was added by our own proxy, what stands before it by anybody.
        trust_proxy: whether there is a proxy in front.
    """
    if trust_proxy:
        last_hop = forwarded.rpartition(",")[2].strip()
        for candidate in (last_hop, last_hop.rpartition(":")[0].strip("[]")):  # some proxies add the port
            try:
                return str(ip_address(candidate))
            except ValueError:
                continue
    return peer


def comes_from(headers: Headers, own_origin: str) -> bool:
    """Whether a script of our own pages sent this POST: browsers always name the origin, and never a false one."""
    is_named = bool(own_origin) and headers.get("origin") == own_origin
    return is_named and headers.get("sec-fetch-site", "same-origin") == "same-origin"


def take_addresses_from_connections() -> None:
    """Keep uvicorn from believing X-Forwarded-For and -Proto of whoever connects from this machine.

    It does so by default, and has read its settings before it loads our app; it puts its middleware around the
    app afterwards. ZOARK_TRUST_PROXY alone decides, and ``RequestOrigin`` and ``ProxyScheme`` then read them.
    """
    from uvicorn import config

    config.ProxyHeadersMiddleware = _untouched  # type: ignore[attr-defined, assignment]


def _untouched(app: ASGIApp, trusted_hosts: object = None) -> ASGIApp:
    return app


class RequestOrigin:
    """Sets the origin of every HTTP request. Scripts of pages run in other threads: see ``app.session``."""

    def __init__(self, app: ASGIApp, *, trust_proxy: bool) -> None:
        """Wrap ``app``."""
        self._app = app
        self._trust_proxy = trust_proxy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            peer = scope["client"][0] if scope.get("client") else ""
            forwarded = ",".join(headers.getlist("x-forwarded-for"))
            address = client_address(peer, forwarded, trust_proxy=self._trust_proxy)
            set_origin(address, headers.get("user-agent", ""))
        await self._app(scope, receive, send)
