"""A receiver of webhooks on loopback, and a check of signatures that shares no line with what makes them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The standard leaves the tolerance to the receiver; its own libraries take five minutes.
TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(self.json["type"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    """What is answered; ``hold`` is waited for before."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: threading.Event | None = None


class Receiver:
    """Keeps what comes; ``answers`` are given in order, then ``usual``."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[Answer] = []
        self.usual = Answer()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.received]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run one until the block ends."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = made.answers.pop(0) if made.answers else made.usual
            made.received.append(Received(self.path, headers, body))
            if answer.hold:
                answer.hold.wait(60)
            self.send_response(answer.status)
            for name, value in {"content-length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        # A client that has left is no news.
        handle_error: Callable[..., None] = lambda *_: None

    server = Server(("127.0.0.1", 0), Handler)
    made.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def is_signed(message: Received, secret: str, at: float) -> bool:
    """Whether one of the signatures of a message holds, as the text of Standard Webhooks 1.0 says.

    "The content to sign is {msg_id}.{timestamp}.{payload}"; "the signature header is a space delimited list";
    secrets are base64 behind "whsec_"; the timestamp has to be near.
    """
    timestamp = int(message.headers["webhook-timestamp"])
    if abs(at - timestamp) > TOLERANCE_SECONDS:
        return False
    kind, _, encoded = secret.partition("_")
    assert kind == "whsec"
    content = b".".join([message.id.encode("ascii"), b"%d" % timestamp, message.body])
    expected = hmac.digest(base64.standard_b64decode(encoded), content, hashlib.sha256)
    for one in message.headers["webhook-signature"].split(" "):
        version, _, signature = one.partition(",")
        if version == "v1" and hmac.compare_digest(base64.standard_b64decode(signature), expected):
            return True
    return False
