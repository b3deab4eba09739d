"""Every kind of key with a fake of what it leads to: what to enter, and how to break it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import AuthResult

from core.keys.kind import Kind
from core.keys.model_kind import ModelKind
from core.keys.models import KeyDraft
from tests.fakes.api import Api, Asked, http_api
from tests.fakes.model_server import FakeModelServer
from tests.support.mailbox import Mailbox, smtp_server

SECRET = "zk7Qx9kindsW2m4Vb8tRp3Lk6Yd1Hs5"
PATHS = {"groq": "/openai/v1", "mistral": "/mistral/v1", "anthropic": "", "gemini": "", "ollama": ""}


@dataclass
class Stage:
    """A fake server that takes one secret and no other; ``host`` is what an administrator has to allow.

    A mail server or an API that ``is_careless`` refuses everything and repeats what it was given.
    """

    kind: Kind
    host: str
    base_url: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    heard: Callable[[], str] = lambda: ""
    mailbox: Mailbox | None = None
    api: Api | None = None
    is_careless: bool = False

    def draft(self, secret: str = SECRET, name: str = "Mine") -> KeyDraft:
        address = self.base_url if self.kind.asks_base_url else ""
        return KeyDraft(name, self.kind.name, secret, address, settings=self.settings)


@contextmanager
def stage_of(kind: Kind, secret: str = SECRET) -> Iterator[Stage]:
    """Run the fake of a kind that takes ``secret``."""
    if isinstance(kind, ModelKind):
        with FakeModelServer() as fake:
            fake.valid_keys = {secret}
            url = fake.base_url + PATHS.get(kind.name, "/v1")
            yield Stage(
                kind, f"127.0.0.1:{fake.port}", url, heard=lambda: str([record.key for record in fake.requests])
            )
    elif kind.name == "smtp":
        with _mail_server(kind, secret) as stage:
            yield stage
    else:
        with http_api() as api:
            stage = Stage(kind, api.host, api.url, _settings(kind, api), lambda: _heard(api), api=api)
            judge = _ANSWERS[kind.name]
            api.answer = lambda asked: _repeating(asked) if stage.is_careless else judge(asked, secret)
            yield stage


@contextmanager
def _mail_server(kind: Kind, secret: str) -> Iterator[Stage]:
    heard: list[Any] = []
    mailbox = Mailbox()

    def judge(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        given = data.password.decode()
        heard.append(given)
        if stage.is_careless:
            return AuthResult(success=False, handled=False, message=f"535 5.7.8 {given} is not the password")
        return AuthResult(success=given == secret, handled=False)

    with smtp_server(mailbox, authenticator=judge, auth_required=True, auth_require_tls=False) as port:
        where = {"host": "127.0.0.1", "port": str(port), "tls": "off"}
        settings = {**where, "user": "me", "sender": "Z <z@example.com>"}
        stage = Stage(kind, f"127.0.0.1:{port}", "", settings, lambda: str(heard), mailbox)
        yield stage


def _settings(kind: Kind, api: Api) -> dict[str, str]:
    if kind.name == "mailgun":
        return {"domain": "mg.example.com", "sender": "z@mg.example.com"}
    if kind.name == "sendgrid":
        return {"sender": "z@example.com"}
    return {"hosts": api.url, "test_url": "/me"}


def _heard(api: Api) -> str:
    basic = [asked.headers.get("Authorization", "").removeprefix("Basic ") for asked in api.asked]
    return f"{api.asked} {[base64.b64decode(one, validate=False) for one in basic if one and ' ' not in one]}"


def _if(right: bool, *, good: int = 200, body: bytes = b"{}") -> tuple[int, dict[str, str], bytes]:
    return (good, {}, body) if right else (401, {}, b'{"message": "Forbidden"}')


def _repeating(asked: Asked) -> tuple[int, dict[str, str], bytes]:
    said = f"{asked.method} {asked.path} {asked.headers} is not allowed"
    return 403, {"X-Asked": asked.headers.get("Authorization", asked.path)}, said.encode()


def _sendgrid(asked: Asked, secret: str) -> tuple[int, dict[str, str], bytes]:
    right = asked.headers.get("Authorization") == f"Bearer {secret}"
    if asked.method == "POST":
        return _if(right, good=202)
    return _if(right, body=json.dumps({"scopes": ["mail.send"]}).encode())


def _mailgun(asked: Asked, secret: str) -> tuple[int, dict[str, str], bytes]:
    given = base64.b64decode(asked.headers.get("Authorization", "").removeprefix("Basic ")).decode()
    if given != f"api:{secret}":
        return _if(False)
    if "/mg.example.com/" not in asked.path:
        return 404, {}, b"{}"
    return (200 if b"to=" in asked.body else 400), {}, b"{}"


_ANSWERS: dict[str, Callable[[Asked, str], tuple[int, dict[str, str], bytes]]] = {
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "service_bearer": lambda asked, secret: _if(asked.headers.get("Authorization") == f"Bearer {secret}"),
    "service_header": lambda asked, secret: _if(asked.headers.get("X-Api-Key") == secret),
    "service_query": lambda asked, secret: _if(asked.path == f"/me?key={secret}"),
}
