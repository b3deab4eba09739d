"""The guarded client against real sockets on loopback: what reaches a server, and what is cut off when."""

from __future__ import annotations

import asyncio
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

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
from core.security.egress import (
    EgressPolicy,
    GuardedClient,
    connections_opened,
    guarded_client,
    refusing_async_client,
)
from core.security.egress.connector import Connector
from core.security.egress.resolver import resolve_by_system
from tests.support.certificate import write_certificate
from tests.support.worker import wait_until

Answer = Callable[["Conversation"], None]
HANG_SECONDS = 8.0


class Conversation:
    """One accepted connection, as an answer function sees it."""

    def __init__(self, server: FakeServer, sock: socket.socket) -> None:
        self.server, self.sock = server, sock
        self.lines = sock.makefile("rb")
        self.head = b""
        self.body = b""

    def read_request(self) -> bool:
        head = b""
        while line := self.lines.readline():
            head += line
            if line == b"\r\n":
                break
        self.head = head
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        self.body = self.lines.read(int(sizes[0].partition(b":")[2])) if sizes else b""
        if head:
            self.server.requests.append(head)
        return bool(head)

    def hang(self) -> None:
        self.server.stopping.wait(HANG_SECONDS)

    def reply(self, body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> None:
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.sock.sendall(head.encode() + body)


class FakeServer(socketserver.ThreadingTCPServer):
    """Counts what it accepts and answers each request by one function."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answer: Answer, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.answer = answer
        self.accepted = 0
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        super().__init__(address, socketserver.BaseRequestHandler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def policy(self) -> EgressPolicy:
        return EgressPolicy(allowed=frozenset({("127.0.0.1", self.port)}))

    def finish_request(self, request: Any, client_address: Any) -> None:
        conversation = Conversation(self, request)
        try:
            while conversation.read_request():
                self.answer(conversation)
        except OSError:
            pass  # the client has gone, as many tests want it to

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.accepted += 1
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., FakeServer]]:
    servers: list[FakeServer] = []

    def start(answer: Answer = Conversation.reply, address: tuple[str, int] = ("127.0.0.1", 0)) -> FakeServer:
        servers.append(FakeServer(answer, address))
        return servers[-1]

    yield start
    for server in servers:
        server.stopping.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def client_for() -> Iterator[Callable[..., GuardedClient]]:
    clients: list[GuardedClient] = []

    def make(policy: EgressPolicy, **options: Any) -> GuardedClient:
        clients.append(guarded_client(policy, **{"total_seconds": 5.0, "max_bytes": 1_000_000, **options}))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


Serve = Callable[..., FakeServer]
ClientFor = Callable[..., GuardedClient]


def cause_chain(error: BaseException | None) -> list[BaseException]:
    chain = []
    while error is not None:
        chain.append(error)
        error = error.__cause__
    return chain


# --- addresses ----------------------------------------------------------------------------------

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0x7f000001",
    "0x7F.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "0X7F000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "0x0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "loopback.test",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[::1%25lo]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fc00::1]",
    "[ff02::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "metadata.test",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "user@127.0.0.1",
    "user:pw@localhost",
    "api.openai.com@127.0.0.1",
    "api.openai.com\\@127.0.0.1",
    "127.0.0.1\\@api.openai.com",
    "127.0.0.1\\.api.openai.com",
    "127.0.0.1%2eapi.openai.com",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "loca\u00adlhost",
]  # fmt: skip


def resolve_in_test(host: str, port: int) -> list[str]:
    names = {
        "loopback.test": ["127.0.0.1"],
        "metadata.test": ["169.254.169.254"],
        "mapped.test": ["::ffff:127.0.0.1"],
    }
    return names.get(host) or resolve_by_system(host, port)


@pytest.fixture(scope="module")
def listening() -> Iterator[tuple[FakeServer, FakeServer]]:
    """Count every connection to one port of loopback, on IPv4 and IPv6."""
    four = FakeServer(Conversation.reply)
    six = FakeServer(Conversation.reply, ("::1", four.port))
    yield four, six
    for server in (four, six):
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_private_address_in_any_spelling_is_never_connected_to(
    listening: tuple[FakeServer, FakeServer], client_for: ClientFor, spelling: str, scheme: str
) -> None:
    four, six = listening
    opened = connections_opened()
    policy = EgressPolicy(ports=frozenset({443, four.port}))
    client = client_for(policy, resolve=resolve_in_test, connect_seconds=0.5)
    with pytest.raises((AddressBlocked, Unreachable)):
        client.get(f"{scheme}://{spelling}:{four.port}/v1")
    assert connections_opened() == opened
    assert (four.accepted, six.accepted) == (0, 0)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "::1", "mapped.test", "0"],
)
def test_connector_alone_blocks_a_private_address(listening: tuple[FakeServer, FakeServer], host: str) -> None:
    four, six = listening
    connector = Connector(EgressPolicy(), resolve=resolve_in_test)
    with pytest.raises(AddressBlocked):
        connector.connect_tcp(host, four.port)
    assert (four.accepted, six.accepted) == (0, 0)


def test_unix_socket_is_blocked() -> None:
    with pytest.raises(AddressBlocked, match="unix"):
        Connector(EgressPolicy()).connect_unix_socket("/var/run/docker.sock")


def test_rebinding_name_is_resolved_once_and_the_checked_address_is_used(
    serve: Serve, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    def connect(self: socket.socket, address: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError("no way out of the test")

    monkeypatch.setattr(socket.socket, "connect", connect)
    client = client_for(EgressPolicy(ports=frozenset({server.port})), resolve=resolve)
    with pytest.raises(Unreachable):
        client.get(f"https://rebind.test:{server.port}/")
    assert asked == ["rebind.test"]
    assert connected == [("93.184.216.34", server.port)]
    with pytest.raises(AddressBlocked):
        client.get(f"https://rebind.test:{server.port}/")
    assert len(connected) == 1
    assert server.accepted == 0


@pytest.mark.parametrize(
    "answers", [["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["1.1.1.1", "::1"]]
)
def test_name_with_one_private_answer_is_blocked(client_for: ClientFor, answers: list[str]) -> None:
    opened = connections_opened()
    client = client_for(EgressPolicy(), resolve=lambda host, port: answers)
    with pytest.raises(AddressBlocked):
        client.get("https://mixed.test/")
    assert connections_opened() == opened


def test_next_checked_address_is_tried_when_the_first_refuses(serve: Serve, client_for: ClientFor) -> None:
    server = serve()
    policy = EgressPolicy(allowed=frozenset({("two.test", server.port)}))
    client = client_for(policy, resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])
    assert client.get(f"http://two.test:{server.port}/").status_code == 200
    assert server.accepted == 1


def test_allowed_name_that_leads_to_metadata_is_blocked(client_for: ClientFor) -> None:
    client = client_for(EgressPolicy.from_allowlist("m.test:80"), resolve=lambda host, port: ["169.254.169.254"])
    with pytest.raises(AddressBlocked, match="never allowed"):
        client.get("http://m.test/")


def test_unreadable_url_is_blocked(client_for: ClientFor) -> None:
    with pytest.raises(AddressBlocked, match="cannot be read"):
        client_for(EgressPolicy()).get("https://[::1/")


# --- what is sent -------------------------------------------------------------------------------


def test_allowed_loopback_works_and_the_connection_is_reused(serve: Serve, client_for: ClientFor) -> None:
    server = serve()
    opened = connections_opened()
    client = client_for(server.policy)
    for _ in range(5):
        assert client.post(server.url, json={"n": 1}).json() == {}
    assert server.accepted == 1
    assert connections_opened() - opened == 1
    assert len(server.requests) == 5


def test_allowed_ipv6_loopback_works(serve: Serve, client_for: ClientFor) -> None:
    server = serve(address=("::1", 0))
    client = client_for(EgressPolicy.from_allowlist(f"[::1]:{server.port}"))
    assert client.get(f"http://[::1]:{server.port}/").status_code == 200


def test_closed_idle_connection_is_replaced(serve: Serve, client_for: ClientFor) -> None:
    closed = threading.Semaphore(0)

    def answer_and_close(conversation: Conversation) -> None:
        conversation.reply()
        conversation.sock.shutdown(socket.SHUT_RDWR)
        closed.release()

    server = serve(answer_and_close)
    opened = connections_opened()
    client = client_for(server.policy)
    for _ in range(3):
        assert client.get(server.url).status_code == 200
        assert closed.acquire(timeout=30)
    assert connections_opened() - opened == server.accepted == 3


def test_redirect_is_returned_and_never_followed(serve: Serve, client_for: ClientFor) -> None:
    target = serve()
    server = serve(lambda c: c.reply(status="307 Temporary Redirect", headers=f"Location: {target.url}\r\n"))
    client = client_for(EgressPolicy(allowed=server.policy.allowed | target.policy.allowed))
    assert client.post(server.url, json={}, follow_redirects=True).status_code == 307
    assert client.get(server.url).status_code == 307
    assert target.accepted == 0


def test_proxy_variables_are_ignored(serve: Serve, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(), serve()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.lower(), proxy.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert client_for(server.policy).get(server.url).status_code == 200
    assert proxy.accepted == 0


def test_accept_encoding_is_identity_whatever_the_caller_asks(serve: Serve, client_for: ClientFor) -> None:
    server = serve()
    client_for(server.policy).get(server.url, headers={"Accept-Encoding": "gzip, br"})
    lines = [line for line in server.requests[0].lower().split(b"\r\n") if line.startswith(b"accept-encoding")]
    assert lines == [b"accept-encoding: identity"]


def test_cookies_are_not_kept(serve: Serve, client_for: ClientFor) -> None:
    server = serve(lambda c: c.reply(headers="Set-Cookie: a=b; Path=/\r\n"))
    client = client_for(server.policy, headers={"x-mine": "yes"})
    client.get(server.url)
    client.get(server.url)
    assert b"cookie" not in server.requests[1].lower()
    assert b"x-mine: yes" in server.requests[1].lower()


def test_caller_cannot_replace_the_request_target(serve: Serve, client_for: ClientFor) -> None:
    server = serve()
    extensions = {"target": b"http://169.254.169.254/", "sni_hostname": "evil.test"}
    client_for(server.policy).get(server.url, extensions=extensions)
    assert server.requests[0].startswith(b"GET /v1 HTTP/1.1")


def test_key_with_a_line_break_is_refused_without_showing_it(serve: Serve, client_for: ClientFor) -> None:
    server = serve()
    with pytest.raises(Invalid) as caught:
        client_for(server.policy).get(server.url, headers={"authorization": "Bearer sk-canary\r\nx: y"})
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert server.requests == []


# --- time and size ------------------------------------------------------------------------------


def drip(conversation: Conversation) -> None:
    conversation.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not conversation.server.stopping.wait(0.05):
        conversation.sock.sendall(b"x")


def drip_head(conversation: Conversation) -> None:
    conversation.sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while not conversation.server.stopping.wait(0.05):
        conversation.sock.sendall(b"X-A: b\r\n")


@pytest.mark.parametrize("answer", [drip, drip_head, Conversation.hang], ids=["body", "head", "silence"])
def test_slow_server_is_cut_at_the_deadline(serve: Serve, client_for: ClientFor, answer: Answer) -> None:
    server = serve(answer)
    client = client_for(server.policy, total_seconds=0.6)
    started = time.monotonic()
    with pytest.raises(ModelTimeout):
        client.get(server.url, timeout=None)
    assert 0.5 < time.monotonic() - started < 6.0


def test_server_that_reads_nothing_is_cut_at_the_deadline(client_for: ClientFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = client_for(EgressPolicy.from_allowlist(f"127.0.0.1:{port}"), total_seconds=0.6)
        started = time.monotonic()
        with pytest.raises(ModelTimeout):
            client.post(f"http://127.0.0.1:{port}/", content=b"x" * 50_000_000)
        assert time.monotonic() - started < 6.0


def test_silence_longer_than_read_seconds_is_a_timeout(serve: Serve, client_for: ClientFor) -> None:
    server = serve(Conversation.hang)
    client = client_for(server.policy, total_seconds=30.0, read_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(ModelTimeout):
        client.get(server.url, timeout=60.0)
    assert time.monotonic() - started < 6.0


def test_name_resolution_is_bounded_by_connect_seconds(client_for: ClientFor) -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(HANG_SECONDS)
        return ["1.1.1.1"]

    client = client_for(EgressPolicy(), connect_seconds=0.3, resolve=resolve)
    started = time.monotonic()
    with pytest.raises(Unreachable):
        client.get("https://slow-dns.test/")
    assert time.monotonic() - started < 6.0
    release.set()


@pytest.mark.parametrize("framing", ["Content-Length: 50000000", "Connection: close"])
def test_large_answer_is_cut_at_max_bytes(serve: Serve, client_for: ClientFor, framing: str) -> None:
    sent = []

    def flood(conversation: Conversation) -> None:
        conversation.sock.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        for _ in range(50):
            conversation.sock.sendall(b"x" * 1_000_000)
            sent.append(1_000_000)

    server = serve(flood)
    with pytest.raises(ResponseTooLarge) as caught:
        client_for(server.policy, max_bytes=2_000_000).get(server.url)
    assert caught.value.facts == {"limit_bytes": 2_000_000}
    assert sum(sent) < 40_000_000


def test_answer_of_exactly_max_bytes_passes(serve: Serve, client_for: ClientFor) -> None:
    server = serve(lambda c: c.reply(b"x" * 1000))
    assert len(client_for(server.policy, max_bytes=1000).get(server.url).content) == 1000
    with pytest.raises(ResponseTooLarge):
        client_for(server.policy, max_bytes=999).get(server.url)


def test_streamed_answer_arrives_piece_by_piece(serve: Serve, client_for: ClientFor) -> None:
    def stream(conversation: Conversation) -> None:
        conversation.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            conversation.sock.sendall(b"4\r\ndata\r\n")
            time.sleep(0.05)
        conversation.sock.sendall(b"0\r\n\r\n")

    server = serve(stream)
    client = client_for(server.policy)
    for _ in range(2):
        with client.stream("GET", server.url) as response:
            assert list(response.iter_raw()) == [b"data"] * 3
    assert server.accepted == 1


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "X-unknown"])
def test_compressed_answer_is_refused(serve: Serve, client_for: ClientFor, encoding: str) -> None:
    server = serve(lambda c: c.reply(b"\x1f\x8b", headers=f"Content-Encoding: {encoding}\r\n"))
    with pytest.raises(BadResponse) as caught:
        client_for(server.policy).get(server.url)
    assert type(caught.value) is BadResponse


def test_identity_answer_is_accepted(serve: Serve, client_for: ClientFor) -> None:
    server = serve(lambda c: c.reply(b"ok", headers="Content-Encoding: identity\r\n"))
    assert client_for(server.policy).get(server.url).text == "ok"


# --- trouble on the way -------------------------------------------------------------------------


def test_refused_connection_is_unreachable_and_keeps_its_cause(client_for: ClientFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    opened = connections_opened()
    with pytest.raises(Unreachable) as caught:
        client_for(EgressPolicy.from_allowlist(f"127.0.0.1:{port}")).get(f"http://127.0.0.1:{port}/")
    assert "refused" in str(caught.value.__cause__)
    assert connections_opened() == opened


def no_such_name(host: str, port: int) -> list[str]:
    raise socket.gaierror(-2, "Name or service not known")


@pytest.mark.parametrize("resolve", [no_such_name, lambda host, port: []], ids=["error", "empty"])
def test_unknown_name_is_unreachable(client_for: ClientFor, resolve: Any) -> None:
    with pytest.raises(Unreachable):
        client_for(EgressPolicy(), resolve=resolve).get("https://nowhere.test/")


def test_overlong_name_is_unreachable(client_for: ClientFor) -> None:
    with pytest.raises(CoreError):
        client_for(EgressPolicy()).get(f"https://{'a' * 70}.test/")


@pytest.mark.parametrize(
    "partial",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nda"],
    ids=["nothing", "head", "body", "chunk"],
)  # fmt: skip
def test_connection_closed_early_is_unreachable(serve: Serve, client_for: ClientFor, partial: bytes) -> None:
    def answer(conversation: Conversation) -> None:
        conversation.sock.sendall(partial)
        conversation.sock.shutdown(socket.SHUT_RDWR)

    server = serve(answer)
    with pytest.raises(Unreachable):
        client_for(server.policy).get(server.url)


def test_answer_that_is_not_http_is_a_bad_response(serve: Serve, client_for: ClientFor) -> None:
    server = serve(lambda c: c.sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    with pytest.raises(BadResponse):
        client_for(server.policy).get(server.url)


def test_asynchronous_calls_are_refused() -> None:
    async def call() -> None:
        async with refusing_async_client() as client:
            await client.get("https://api.openai.com/")

    with pytest.raises(AddressBlocked, match="asynchronous calls are not used here"):
        asyncio.run(call())


# --- TLS ----------------------------------------------------------------------------------------


@pytest.fixture
def tls_server(serve: Serve, tmp_path: Path) -> FakeServer:
    write_certificate(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    server = serve()

    def finish(request: Any, client_address: Any) -> None:
        try:
            with context.wrap_socket(request, server_side=True) as wrapped:
                FakeServer.finish_request(server, wrapped, client_address)
        except OSError:
            pass

    server.finish_request = finish  # type: ignore[method-assign]
    return server


@pytest.fixture
def trusted(tls_server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(cafile=tmp_path / "server.pem")
    monkeypatch.setattr("core.security.egress.client.tls_context", lambda: context)


def test_untrusted_certificate_is_unreachable(tls_server: FakeServer, client_for: ClientFor) -> None:
    with pytest.raises(Unreachable) as caught:
        client_for(tls_server.policy).get(f"https://127.0.0.1:{tls_server.port}/")
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)
    assert tls_server.requests == []


@pytest.mark.usefixtures("trusted")
def test_https_works_and_the_connection_is_reused(tls_server: FakeServer, client_for: ClientFor) -> None:
    policy = EgressPolicy(allowed=frozenset({("model.test", tls_server.port)}))
    client = client_for(policy, resolve=lambda host, port: ["127.0.0.1"])
    for _ in range(3):
        assert client.post(f"https://model.test:{tls_server.port}/", content=b"x" * 300_000).status_code == 200
    assert tls_server.accepted == 1


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_name_is_unreachable(tls_server: FakeServer, client_for: ClientFor) -> None:
    policy = EgressPolicy(allowed=frozenset({("other.test", tls_server.port)}))
    client = client_for(policy, resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(Unreachable):
        client.get(f"https://other.test:{tls_server.port}/")
    assert tls_server.requests == []


def test_tls_context_is_built_once_for_all_clients(client_for: ClientFor, monkeypatch: pytest.MonkeyPatch) -> None:
    client_for(EgressPolicy())
    built: list[str] = []
    monkeypatch.setattr(ssl, "create_default_context", lambda **options: built.append("again"))
    for _ in range(3):
        client_for(EgressPolicy())
    assert built == []


# --- abort --------------------------------------------------------------------------------------


def abort_while(
    client: GuardedClient, call: Callable[[], Any], is_under_way: Callable[[], object] = lambda: True
) -> float:
    """Run ``call``, abort from another thread after 0.3 s, expect RunCancelled; give the seconds it took."""
    aborted_at = []

    def abort() -> None:
        wait_until(is_under_way, 20, "the call")
        aborted_at.append(time.monotonic())
        client.abort()

    timer = threading.Timer(0.3, abort)
    timer.start()
    try:
        with pytest.raises(RunCancelled):
            call()
        return time.monotonic() - aborted_at[0]
    finally:
        timer.cancel()
        timer.join()


@pytest.mark.parametrize("answer", [Conversation.hang, drip], ids=["no answer", "within the body"])
def test_abort_ends_a_hanging_read_at_once(serve: Serve, client_for: ClientFor, answer: Answer) -> None:
    server = serve(answer)
    client = client_for(server.policy, total_seconds=30.0)
    assert abort_while(client, lambda: client.get(server.url), lambda: server.requests) < 6.0
    with pytest.raises(RunCancelled):
        client.get(server.url)
    assert server.accepted == 1


def test_abort_ends_a_body_without_length_as_cancelled_not_as_complete(serve: Serve, client_for: ClientFor) -> None:
    def answer(conversation: Conversation) -> None:
        conversation.sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf")
        conversation.hang()

    server = serve(answer)
    client = client_for(server.policy, total_seconds=30.0)
    assert abort_while(client, lambda: client.get(server.url)) < 6.0


def test_abort_ends_a_name_resolution(client_for: ClientFor) -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait(HANG_SECONDS)
        return ["1.1.1.1"]

    client = client_for(EgressPolicy(), total_seconds=30.0, resolve=resolve)
    assert abort_while(client, lambda: client.get("https://slow-dns.test/")) < 6.0
    release.set()


def test_abort_ends_a_tls_handshake(client_for: ClientFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = client_for(
            EgressPolicy.from_allowlist(f"127.0.0.1:{port}"), connect_seconds=20.0, total_seconds=30.0
        )
        assert abort_while(client, lambda: client.get(f"https://127.0.0.1:{port}/")) < 6.0


@pytest.mark.usefixtures("trusted")
def test_abort_ends_an_encrypted_read(tls_server: FakeServer, client_for: ClientFor) -> None:
    tls_server.answer = Conversation.hang
    client = client_for(tls_server.policy, total_seconds=30.0)
    assert abort_while(client, lambda: client.get(f"https://127.0.0.1:{tls_server.port}/")) < 6.0


def test_abort_ends_a_large_upload(client_for: ClientFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = client_for(EgressPolicy.from_allowlist(f"127.0.0.1:{port}"), total_seconds=30.0)
        body = b"x" * 50_000_000
        assert abort_while(client, lambda: client.post(f"http://127.0.0.1:{port}/", content=body)) < 6.0


def test_abort_ends_calls_of_all_threads_but_not_of_other_clients(serve: Serve, client_for: ClientFor) -> None:
    hanging, working = serve(Conversation.hang), serve()
    client, other = client_for(hanging.policy, total_seconds=30.0), client_for(working.policy)
    other.get(working.url)
    outcomes: list[str] = []

    def call() -> None:
        try:
            client.get(hanging.url)
        except CoreError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    while hanging.accepted < 4:
        time.sleep(0.01)
    client.abort()
    client.abort()
    for thread in threads:
        thread.join(30)
    assert outcomes == ["cancelled"] * 4
    assert other.get(working.url).status_code == 200


# --- the openai SDK -----------------------------------------------------------------------------


def completion(conversation: Conversation) -> None:
    message = {"role": "assistant", "content": "Hello"}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    answer = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    conversation.reply(json.dumps(answer).encode(), headers="Content-Type: application/json\r\n")


def ask(client: GuardedClient, base_url: str) -> str | None:
    sdk = openai.OpenAI(api_key="sk-test", base_url=base_url, http_client=client, max_retries=0)
    answer = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    return answer.choices[0].message.content


def test_openai_sdk_works_through_the_guard(serve: Serve, client_for: ClientFor) -> None:
    server = serve(completion)
    opened = connections_opened()
    client = client_for(server.policy)
    assert [ask(client, server.url) for _ in range(3)] == ["Hello"] * 3
    assert connections_opened() - opened == server.accepted == 1


def test_openai_sdk_shows_a_blocked_address_in_its_cause(serve: Serve, client_for: ClientFor) -> None:
    server = serve(completion)
    with pytest.raises(openai.APIConnectionError) as caught:
        ask(client_for(EgressPolicy()), server.url)
    assert any(isinstance(error, AddressBlocked) for error in cause_chain(caught.value))
    assert server.accepted == 0


def test_openai_sdk_shows_a_refused_connection_down_to_its_cause(client_for: ClientFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(openai.APIConnectionError) as caught:
        ask(client_for(EgressPolicy.from_allowlist(f"127.0.0.1:{port}")), f"http://127.0.0.1:{port}/v1")
    assert [type(error).__name__ for error in cause_chain(caught.value)][1:3] == [
        "Unreachable",
        "ConnectError",
    ]


def test_openai_sdk_does_not_follow_a_redirect(serve: Serve, client_for: ClientFor) -> None:
    target = serve(completion)
    server = serve(lambda c: c.reply(status="307 Temporary Redirect", headers=f"Location: {target.url}\r\n"))
    client = client_for(EgressPolicy(allowed=server.policy.allowed | target.policy.allowed))
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, server.url)
    assert caught.value.status_code == 307
    assert target.accepted == 0


def test_openai_sdk_call_is_ended_by_abort(serve: Serve, client_for: ClientFor) -> None:
    server = serve(Conversation.hang)
    client = client_for(server.policy, total_seconds=30.0)
    timer = threading.Timer(0.3, client.abort)
    timer.start()
    started = time.monotonic()
    with pytest.raises(openai.APIConnectionError) as caught:
        ask(client, server.url)
    assert time.monotonic() - started < 6.0
    assert any(isinstance(error, RunCancelled) for error in cause_chain(caught.value))


def test_httpx_own_errors_never_leave_the_client(client_for: ClientFor) -> None:
    with pytest.raises(CoreError) as caught:
        client_for(EgressPolicy()).get("no-scheme")
    assert not isinstance(caught.value, httpx.HTTPError)
