"""The authorisation server of a fake provider on loopback: codes, PKCE, client secrets, refresh and faults."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx

CLIENT_ID = "zoark-client"
CLIENT_SECRET = "zoark-client-secret: 100%"


@dataclass(frozen=True)
class Account:
    """Somebody's account at the provider."""

    subject: str
    email: str
    verified: bool = True
    name: str = "Olga Octo"


OLGA = Account("1001", "olga@example.com")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    @property
    def basic(self) -> tuple[str, str]:
        text = base64.b64decode(self.headers.get("authorization", "").removeprefix("Basic ") or "").decode()
        client_id, _, secret = text.partition(":")
        return client_id, secret


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """What the person agreed to in the browser."""

    account: Account
    challenge: str
    nonce: str
    redirect_uri: str
    scope: str


class OAuthServer:
    """A provider. ``account`` is who is signed in there; ``faults`` maps a path to what goes wrong at it."""

    authorise_path = "/authorize"
    token_path = "/token"
    sends_basic = True

    def __init__(self, account: Account = OLGA) -> None:
        self.account = account
        self.faults: dict[str, str] = {}
        self.calls: list[str] = []
        self.revoked: list[str] = []
        self.codes: dict[str, Grant] = {}
        self.access: dict[str, Grant] = {}
        self.refreshes: dict[str, Grant] = {}
        self.handed_out: list[str] = []
        self.life_seconds: int | None = 3600
        self.sends_refresh = True
        self.extra_answer: dict[str, str] = {}
        self.routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", self.authorise_path): self._authorise,
            ("POST", self.token_path): self._token,
        }
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> OAuthServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def visit(self, url: str, account: Account | None = None) -> dict[str, str]:
        """Agree in the browser and return the query that it brings back."""
        if account is not None:
            self.account = account
        answer = httpx.get(url + "&agree=1", timeout=60)
        assert answer.status_code == 302, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        self.calls.append(f"{request.method} {request.path}")
        fault = self.faults.get(request.path)
        if fault == "slow":
            time.sleep(3)
        elif fault == "garbage":
            return Reply(200, "<html>canary-of-the-provider</html>")
        elif fault == "list":
            return Reply(200, ["canary-of-the-provider"])
        elif fault == "refused":
            return Reply(400, {"error": "invalid_client", "error_description": "canary-of-the-provider"})
        elif fault == "down":
            return Reply(503, "canary-of-the-provider")
        handler = self.routes.get((request.method, request.path))
        return handler(request) if handler else Reply(404, {})

    def token_answer(self, grant: Grant, access: str) -> dict[str, Any]:
        """Return what is particular to a kind of provider."""
        return {}

    def _authorise(self, request: Request) -> Reply:
        query = request.query
        if query.get("client_id") != CLIENT_ID or query.get("response_type") != "code":
            return Reply(400, "unknown client")
        if query.get("code_challenge_method") != "S256" or not query.get("state"):
            return Reply(400, "PKCE with S256 and a state are required")
        if "agree" not in query:
            links = {"Authorize": "1", "Cancel": "no"}
            page = f"<h1>{self.account.email}</h1>" + " ".join(
                f"<a href='?{urlencode({**query, 'agree': value})}'>{label}</a>" for label, value in links.items()
            )
            return Reply(200, page, {"content-type": "text/html"})
        if query["agree"] == "no":
            back = {
                "error": "access_denied",
                "error_description": "canary-of-the-provider",
                "state": query["state"],
            }
            return Reply(302, "", {"location": f"{query['redirect_uri']}?{urlencode(back)}"})
        code = secrets.token_urlsafe(16)
        self.codes[code] = Grant(
            self.account,
            query["code_challenge"],
            query.get("nonce", ""),
            query["redirect_uri"],
            query.get("scope", ""),
        )
        back = {"code": code, "state": query["state"], **self.extra_answer}
        return Reply(302, "", {"location": f"{query['redirect_uri']}?{urlencode(back)}"})

    def _token(self, request: Request) -> Reply:
        form = request.form
        if not self._knows_client(request):
            return self.token_error("invalid_client")
        if form.get("grant_type") == "refresh_token":
            grant = self.refreshes.pop(form.get("refresh_token", ""), None)
            return self._hand_out(grant) if grant else self.token_error("invalid_grant")
        grant = self.codes.pop(form.get("code", ""), None)
        if grant is None or grant.redirect_uri != form.get("redirect_uri"):
            return self.token_error("invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge:
            return self.token_error("invalid_grant")
        return self._hand_out(grant)

    def token_error(self, code: str) -> Reply:
        return Reply(400, {"error": code, "error_description": "canary-of-the-provider"})

    def _knows_client(self, request: Request) -> bool:
        if self.sends_basic:
            client_id, secret = (unquote(part) for part in request.basic)
        else:
            client_id, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
        return (client_id, secret) == (CLIENT_ID, CLIENT_SECRET)

    def _hand_out(self, grant: Grant) -> Reply:
        access = "access-canary-" + secrets.token_urlsafe(12)
        self.access[access] = grant
        self.handed_out.append(access)
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "scope": grant.scope}
        if self.life_seconds is not None:
            answer["expires_in"] = self.life_seconds
        if self.sends_refresh:
            answer["refresh_token"] = "refresh-canary-" + secrets.token_urlsafe(12)
            self.refreshes[answer["refresh_token"]] = grant
            self.handed_out.append(answer["refresh_token"])
        return Reply(200, {**answer, **self.token_answer(grant, access)})


def _handler_of(fake: OAuthServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            is_json = "json" in self.headers.get("content-type", "")
            form = json.loads(body or "{}") if is_json else dict(parse_qsl(body))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(url.query))
            reply = fake.answer(Request(self.command, url.path, query, form, headers))
            data = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    return Handler
