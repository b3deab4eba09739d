"""No key leads to a private address, however it is written: not in its test, its model list, a mail or a tool."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from core import clock
from core.errors import AddressBlocked, CoreError
from core.keys.checks import KeyChecks
from core.keys.kind import Kind
from core.keys.kinds.service_bearer import KIND as BEARER
from core.keys.kinds.smtp import KIND as SMTP
from core.keys.model_kind import ModelKind
from core.keys.models import Key, OpenKey
from core.keys.registry import all_kinds
from core.llm.base import Endpoint
from core.notify.base import Outgoing
from core.notify.failures import MailSetUpWrong
from core.security.egress import EgressPolicy, connections_opened
from tests.unit.test_egress_addresses import NEVER, NO_ADDRESS, PRIVATE

CHECKS = KeyChecks(EgressPolicy(), None)  # type: ignore[arg-type]
MAIL = Outgoing("m", "z@example.com", "zoe@example.com", "s", SecretStr("b"))
# Spellings that only a resolver understands, and names that lead somewhere private.
SPELLINGS = ["localhost", "127.1", "0x7f000001", "2130706433"]
assert set(SPELLINGS) < set(NO_ADDRESS)
KINDS = [kind for kind in all_kinds().values() if not kind.is_built_in]


@pytest.fixture(autouse=True)
def nothing_connects(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Names lead to 10.0.0.7, numbers where they say; a test that connects fails."""
    real = socket.getaddrinfo

    def lookup(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        with contextlib.suppress(ValueError, OSError):
            host = str(ipaddress.ip_address(socket.inet_aton(str(host)))) if ":" not in str(host) else host
        if host == "inside.example.com":
            host = "10.0.0.7"
        return real(host, port, *args, **options)

    monkeypatch.setattr("core.security.egress.resolver.socket.getaddrinfo", lookup)
    before = connections_opened()
    yield
    assert connections_opened() == before


def key_of(kind: Kind, host: str) -> OpenKey:
    """A stored key that leads to ``host``, as if it had been public when it was stored."""
    named = f"[{host}]" if ":" in host else host
    url = f"https://{named}"
    settings = {
        "smtp": {"host": host, "port": "587", "tls": "starttls", "user": "me", "sender": ""},
        "mailgun": {"domain": "mg.example.com", "sender": ""},
    }.get(kind.name, {"hosts": named, "test_url": f"{url}/me", "header": "X-Api-Key", "parameter": "key"})
    key = Key("key_1", "user_1", "K", kind.name, url, "", 1, None, clock.now(), None, None, None)
    endpoint = Endpoint(url, SecretStr("zk-secret-0123456789"))
    return OpenKey(replace(key, settings=settings, family=kind.family), endpoint)


def tried(key: OpenKey) -> str:
    kind = all_kinds()[key.key.provider]
    return CHECKS.test(kind, lambda: key).code


@pytest.mark.parametrize("ip", [ip for ip in PRIVATE + NEVER if "%" not in ip] + SPELLINGS)
@pytest.mark.parametrize("name", ["openai_compatible", "smtp", "sendgrid", "service_query"])
def test_the_test_of_a_key_reaches_no_private_address(name: str, ip: str) -> None:
    assert tried(key_of(all_kinds()[name], ip)) == "address_blocked"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_no_kind_reaches_a_name_that_leads_inside(kind: Kind) -> None:
    assert tried(key_of(kind, "inside.example.com")) == "address_blocked"


@pytest.mark.parametrize("kind", [k for k in KINDS if isinstance(k, ModelKind)], ids=lambda kind: kind.name)
@pytest.mark.parametrize("ip", ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "inside.example.com"])
def test_the_list_of_models_reaches_no_private_address(kind: Kind, ip: str) -> None:
    assert isinstance(kind, ModelKind)
    with pytest.raises(AddressBlocked):
        CHECKS.models(kind.provider, key_of(kind, ip).endpoint)


@pytest.mark.parametrize("ip", [ip for ip in PRIVATE + NEVER if "%" not in ip] + [*SPELLINGS, "inside.example.com"])
def test_what_uses_a_key_reaches_no_private_address(ip: str) -> None:
    named = f"[{ip}]" if ":" in ip else ip
    uses: dict[str, Callable[[], object]] = {
        "tool": lambda: BEARER.client(key_of(BEARER, ip), EgressPolicy()).get(f"https://{named}/x"),
        "mail": lambda: SMTP.transport(key_of(SMTP, ip), EgressPolicy()).send(MAIL),
    }
    errors: dict[str, CoreError] = {}
    for name, use in uses.items():
        with pytest.raises((AddressBlocked, MailSetUpWrong)) as caught:
            use()
        errors[name] = caught.value
    assert errors["tool"].code == "address_blocked"
    assert "is not allowed" in errors["mail"].sentence


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://203.0.112.7.evil.example/",
        "https://203.0.112.7@evil.example/",
        "https://evil.example/https://203.0.112.7/",
        "https://203.0.112.7:8443/",
        "http://203.0.112.7/",
        "https://203.0.112.7./",
        "https://user:pw@203.0.112.7/",
        "ftp://203.0.112.7/",
        "//203.0.112.7/",
        "/v1/me",
        "",
    ],
)
def test_a_tool_reaches_no_host_that_is_not_listed(url: str) -> None:
    client = BEARER.client(key_of(BEARER, "203.0.112.7"), EgressPolicy())
    with pytest.raises(CoreError) as caught:
        client.get(url)
    assert caught.value.code in ("address_blocked", "invalid")
    assert "zk-secret" not in f"{caught.value} {client!r}"
