"""Pure ASGI middleware: the scheme behind a proxy, security headers, a Secure cookie."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.http.cookie import SESSION_COOKIE, XSRF_COOKIE
from app.http.csp import content_security_policy

# Streamlit serves its own metrics to anybody.
HIDDEN_PATHS = frozenset({"/_stcore/metrics"})
ALWAYS_PLAIN = frozenset({"/healthz", "/readyz", "/_stcore/health"})
OUR_COOKIES = (f"{SESSION_COOKIE}=".encode(), f"{XSRF_COOKIE}=".encode())


class ProxyScheme:
    """Believes X-Forwarded-Proto when told to, and sends plain http to https when told to."""

    def __init__(self, app: ASGIApp, *, trust_proxy: bool, force_https: bool) -> None:
        """Wrap ``app``."""
        self._app = app
        self._trust_proxy = trust_proxy
        self._force_https = force_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Set the effective scheme."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if self._trust_proxy:
            told = Headers(scope=scope).get("x-forwarded-proto", "").split(",")[0].strip()
            if told in ("http", "https"):
                secure = told == "https"
                names = {"http": ("http", "https"), "websocket": ("ws", "wss")}[scope["type"]]
                scope = {**scope, "scheme": names[secure]}
        if self._force_https and scope["scheme"] == "http" and scope["path"] not in ALWAYS_PLAIN:
            target = str(Request(scope).url.replace(scheme="https"))
            await RedirectResponse(target, 308)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class SecurityHeaders:
    """Adds the headers that Streamlit does not send."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add them to every HTTP answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = PlainTextResponse("Not found", 404) if scope["path"] in HIDDEN_PATHS else self._app
        is_secure = scope["scheme"] == "https"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", content_security_policy())
                headers["X-Frame-Options"] = "DENY"
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
                headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                if is_secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
                    message["headers"] = [_secured(name, value) for name, value in message["headers"]]
            await send(message)

        await app(scope, receive, send_with_headers)


def _secured(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name.lower() == b"set-cookie" and value.startswith(OUR_COOKIES) and b"; secure" not in value.lower():
        return name, value + b"; Secure"
    return name, value
