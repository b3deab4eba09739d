"""The httpx2 face of the guard: what holds for the httpx face holds for it too."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from core.errors import (
    AddressBlocked,
    CoreError,
    ModelTimeout,
    ResponseTooLarge,
    RunCancelled,
    Unreachable,
)
from core.security.egress import EgressPolicy, GuardedClient, connections_opened, guarded_client
from core.security.egress.httpx2_face import guarded_httpx2_client, refusing_async_httpx2_client
from tests.fakes.model_server import FakeModelServer

Face = Callable[..., tuple[httpx2.Client, GuardedClient]]


@pytest.fixture
def face() -> Iterator[Face]:
    """Make a client, and the guarded one behind it."""
    behind: list[GuardedClient] = []

    def make(policy: EgressPolicy, **options: Any) -> tuple[httpx2.Client, GuardedClient]:
        behind.append(guarded_client(policy, **{"total_seconds": 5.0, "max_bytes": 100_000, **options}))
        return guarded_httpx2_client(behind[-1]), behind[-1]

    yield make
    for client in behind:
        client.close()


def allowing(fake: FakeModelServer) -> EgressPolicy:
    return EgressPolicy.from_allowlist(f"127.0.0.1:{fake.port}")


def test_a_call_goes_through_the_guard_and_its_connection_is_reused(face: Face, fake: FakeModelServer) -> None:
    client, _ = face(allowing(fake))
    before = connections_opened()
    for _ in range(3):
        answer = client.post(f"{fake.openai_url}/chat/completions", json={"model": "m", "messages": []})
        assert answer.json()["model"] == "m"
    assert fake.accepted_connections == connections_opened() - before == 1
    assert fake.requests[0].headers["accept-encoding"] == "identity"
    assert fake.requests[0].headers["host"] == f"127.0.0.1:{fake.port}"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::1]", "[::ffff:127.0.0.1]", "loopback.test",
     "169.254.169.254", "[fd00:ec2::254]", "user:word@127.0.0.1", "evil\\@127.0.0.1"],
)  # fmt: skip
def test_a_private_address_in_any_spelling_is_blocked(face: Face, fake: FakeModelServer, host: str) -> None:
    policy = EgressPolicy(ports=frozenset({fake.port}))
    client, _ = face(policy, resolve=lambda name, port: ["127.0.0.1"])
    for scheme in ("http", "https"):
        with pytest.raises((AddressBlocked, httpx2.InvalidURL)):
            client.get(f"{scheme}://{host}:{fake.port}/v1/models")
    assert fake.accepted_connections == 0


def test_a_redirect_is_not_followed_whatever_the_caller_asks(face: Face, fake: FakeModelServer) -> None:
    fake.options.fault = "redirect"
    client, _ = face(allowing(fake))
    request = client.build_request("GET", f"{fake.openai_url}/models")
    answer = client.send(request, follow_redirects=True)
    assert answer.status_code == 307
    assert len(fake.requests) == 1


def test_proxies_of_the_environment_are_not_used(
    face: Face, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client, _ = face(allowing(fake))
    assert client.get(f"{fake.openai_url}/models").status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [("hang", ModelTimeout), ("drip", ModelTimeout), ("huge", ResponseTooLarge), ("close", Unreachable),
     ("half", Unreachable)],
)  # fmt: skip
def test_trouble_leaves_as_a_core_error(
    face: Face, fake: FakeModelServer, fault: str, error: type[CoreError]
) -> None:
    fake.options.fault = fault
    client, _ = face(allowing(fake), total_seconds=0.5 if error is ModelTimeout else 10.0)
    with pytest.raises(error):
        client.get(f"{fake.openai_url}/models")


def test_a_stream_ends_when_the_client_behind_is_aborted(face: Face, fake: FakeModelServer) -> None:
    client, behind = face(allowing(fake), total_seconds=30.0)
    threading.Timer(0.3, behind.abort).start()
    began = time.monotonic()
    body = {"model": "m@gap=20000", "messages": [], "stream": True}
    with (
        pytest.raises(RunCancelled),
        client.stream("POST", f"{fake.openai_url}/chat/completions", json=body) as answer,
    ):
        list(answer.iter_bytes())
    assert time.monotonic() - began < 10


def test_an_asynchronous_call_is_refused() -> None:
    async def call() -> None:
        async with refusing_async_httpx2_client() as client:
            await client.get("https://example.com")

    with pytest.raises(AddressBlocked):
        asyncio.run(call())
