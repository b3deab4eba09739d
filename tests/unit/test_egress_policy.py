"""Which URLs the guard lets through, and how the administrator's allow-list is read."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from core.errors import AddressBlocked, SettingsWrong
from core.security.egress import EgressPolicy

OLLAMA = EgressPolicy.from_allowlist("127.0.0.1:11434, [::1]:80 ,ollama.local:11434")


def test_allowlist_is_read_as_exact_pairs() -> None:
    assert OLLAMA.allowed == {("127.0.0.1", 11434), ("::1", 80), ("ollama.local", 11434)}
    assert OLLAMA.ports == {443}


@pytest.mark.parametrize("text", ["", "  ", ",", " , "])
def test_empty_allowlist_allows_nothing_private(text: str) -> None:
    assert EgressPolicy.from_allowlist(text) == EgressPolicy()


def test_allowlist_spelling_is_made_canonical() -> None:
    policy = EgressPolicy.from_allowlist("Ollama.Local:80,[0:0:0:0:0:0:0:1]:81")
    assert policy.allowed == {("ollama.local", 80), ("::1", 81)}


@pytest.mark.parametrize(
    "entry",
    [
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:http",
        ":11434",
        "::1:80",
        "[::1]",
        "[127.0.0.1]:80",
        "[::g]:80",
        "http://127.0.0.1:11434",
        "127.0.0.1:11434/v1",
        "user@127.0.0.1:80",
        "*:11434",
        "10.0.0.0/8:80",
        "127.1:80",
        "0177.0.0.1:80",
        "2130706433:80",
        "0x7f000001:80",
        "a b:80",
        "bücher.example:80",
        "{host}:80",
    ],
)
def test_wrong_allowlist_entry_names_the_setting(entry: str) -> None:
    with pytest.raises(SettingsWrong) as caught:
        EgressPolicy.from_allowlist(f"127.0.0.1:1,{entry}")
    assert caught.value.sentence.startswith(f'ZOARK_ENDPOINT_ALLOWLIST: "{entry}" is not a host:port')


@pytest.mark.parametrize(
    "entry",
    ["169.254.169.254:80", "[fe80::1]:80", "168.63.129.16:80", "0.0.0.0:80", "[::ffff:169.254.169.254]:80"],
)
def test_metadata_allowlist_entry_is_refused(entry: str) -> None:
    with pytest.raises(SettingsWrong, match="can never be allowed"):
        EgressPolicy.from_allowlist(entry)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com:443/v1",
        "https://API.OpenAI.com/v1",
        "https://bücher.example/",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "http://127.0.0.1:11434/v1",
        "https://127.0.0.1:11434/v1",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]:80/",
        "http://ollama.local:11434/",
        "http://OLLAMA.local:11434/",
    ],
)
def test_public_https_or_allowed_url_passes(url: str) -> None:
    OLLAMA.check_url(httpx.URL(url))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.openai.com/v1", "only https"),
        ("ftp://api.openai.com/", "only https"),
        ("file:///etc/passwd", "only https"),
        ("gopher://127.0.0.1:11434/", "only https"),
        ("ws://127.0.0.1:11434/", "only https"),
        ("/v1/models", "only https"),
        ("https:///v1", "no host"),
        ("https://user@api.openai.com/", "user name"),
        ("https://user:pw@api.openai.com/", "user name"),
        ("http://user@127.0.0.1:11434/", "user name"),
        ("https://api.openai.com\\@127.0.0.1/", "user name"),
        ("https://api.openai.com%5c.evil.example/", "valid name"),
        ("https://a%2f.example/", "valid name"),
        ("https://api.openai.com:8443/", "port 8443"),
        ("https://api.openai.com:0/", "port 0"),
        ("https://api.openai.com:11434/", "port 11434"),
        ("http://localhost:11434/", "only https"),
        ("http://127.0.0.1:11435/", "only https"),
        ("http://127.0.0.2:11434/", "only https"),
        ("http://127.0.0.1.:11434/", "only https"),
        ("http://[::ffff:127.0.0.1]:11434/", "only https"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]:443/", "private"),
        ("https://169.254.169.254/", "metadata"),
    ],
)
def test_other_url_is_blocked_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(AddressBlocked, match=reason):
        OLLAMA.check_url(httpx.URL(url))


def test_metadata_url_is_blocked_even_when_allowed_in_code() -> None:
    policy = EgressPolicy(allowed=frozenset({("169.254.169.254", 80)}))
    with pytest.raises(AddressBlocked, match="never allowed"):
        policy.check_url(httpx.URL("http://169.254.169.254/"))


def test_allowed_name_may_lead_to_a_private_address_but_not_to_metadata() -> None:
    OLLAMA.check_answer("ollama.local", 11434, "172.18.0.5")
    with pytest.raises(AddressBlocked, match="never allowed"):
        OLLAMA.check_answer("ollama.local", 11434, "169.254.169.254")


def test_other_name_may_not_lead_to_an_allowed_address() -> None:
    with pytest.raises(AddressBlocked, match="private"):
        OLLAMA.check_answer("evil.example", 11434, "127.0.0.1")


def test_with_exact_adds_one_loopback_server() -> None:
    policy = OLLAMA.with_exact("127.0.0.1", 18080)
    policy.check_url(httpx.URL("http://127.0.0.1:18080/"))
    policy.check_url(httpx.URL("http://127.0.0.1:11434/"))
    with pytest.raises(AddressBlocked):
        policy.check_url(httpx.URL("http://127.0.0.1:18081/"))
    with pytest.raises(AddressBlocked):
        OLLAMA.check_url(httpx.URL("http://127.0.0.1:18080/"))


@pytest.mark.parametrize("host", ["10.0.0.1", "8.8.8.8", "localhost", "169.254.169.254", ""])
def test_with_exact_refuses_anything_but_loopback(host: str) -> None:
    with pytest.raises(AddressBlocked, match="loopback"):
        EgressPolicy().with_exact(host, 80)


def test_policy_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        OLLAMA.ports = frozenset({80})  # type: ignore[misc]
