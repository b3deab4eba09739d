"""A key is tested by one cheap real call, at an address that may be called."""

from __future__ import annotations

import pytest

from core.accounts.models import User
from core.bootstrap import Core
from core.errors import AddressBlocked, Invalid, RateLimited
from core.keys import checks
from core.keys.models import Key, KeyDraft
from tests.fakes.model_server import FakeModelServer

SECRET = "zk-Secret-0123456789-wxyz"


@pytest.fixture
def key(core: Core, alice: User, fake: FakeModelServer) -> Key:
    return core.keys.add(alice, KeyDraft("Mine", "openai_compatible", SECRET, fake.openai_url + "/"))


def test_alice_testing_a_right_key_reads_that_it_works(
    core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    fake.valid_keys = {SECRET}
    outcome = core.keys.test(alice, key.id)
    assert (outcome.ok, outcome.code) == (True, "ok")
    assert [(record.path, record.key) for record in fake.requests] == [("/v1/models", SECRET)]
    tested = core.keys.get(alice, key.id)
    assert tested.test_code == "ok"
    assert tested.tested_at is not None
    assert tested.tested_at >= tested.created_at


def test_alice_testing_a_wrong_key_reads_so_without_its_echo(
    core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    fake.valid_keys = {"another"}
    outcome = core.keys.test(alice, key.id)
    assert (outcome.ok, outcome.code) == (False, "bad_key")
    assert SECRET[:7] not in outcome.message
    assert core.keys.get(alice, key.id).test_code == "bad_key"


FAULTS = {
    "401": "bad_key",
    "403": "key_forbidden",
    "429": "rate_limited",
    "quota": "quota",
    "500": "provider_error",
    "503": "provider_error",
    "hang": "timeout",
    "drip": "timeout",
    "close": "unreachable",
    "badjson": "bad_response",
    "huge": "response_too_large",
    "redirect": "bad_response",
}


def test_alice_testing_a_key_at_a_faulty_provider_reads_what_is_wrong(
    core: Core, alice: User, key: Key, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fault, code in FAULTS.items():
        # Long enough for a megabyte on a busy machine, short where waiting is the point.
        monkeypatch.setattr(checks, "TEST_SECONDS", 0.3 if code == "timeout" else 10.0)
        fake.options.fault = fault
        outcome = core.keys.test(alice, key.id)
        assert (fault, outcome.ok, outcome.code) == (fault, False, code)
        assert outcome.message[-1] in ".?"


def test_alices_secret_does_not_follow_a_redirect(core: Core, alice: User, key: Key, fake: FakeModelServer) -> None:
    fake.options.fault = "redirect"
    core.keys.test(alice, key.id)
    assert [record.path for record in fake.requests] == ["/v1/models"]


def test_alice_sees_the_models_her_key_may_use(core: Core, alice: User, key: Key, fake: FakeModelServer) -> None:
    assert core.keys.models(alice, key.id) == ["fake-1", "fake-2"]
    fake.options.fault = "429"
    with pytest.raises(RateLimited):
        core.keys.models(alice, key.id)


def test_alice_reaches_an_ollama_server_an_administrator_has_named(
    core: Core, alice: User, fake: FakeModelServer
) -> None:
    key = core.keys.add(alice, KeyDraft("Ollama", "ollama", "", fake.base_url))
    assert core.keys.test(alice, key.id).ok
    assert core.keys.models(alice, key.id)
    assert "authorization" not in {name.lower() for name in fake.requests[-1].headers}


BLOCKED = [
    "http://127.0.0.1:1/v1",
    "https://127.0.0.1/v1",
    "https://10.0.0.1/v1",
    "https://192.168.1.10/v1",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/v1",
    "https://[::ffff:10.0.0.1]/v1",
    "http://models.example.com/v1",
    "https://models.example.com:8443/v1",
    "https://user:password@models.example.com/v1",
    "ftp://models.example.com/v1",
    "file://localhost/etc/passwd",
]
NO_ADDRESS = [
    "",
    "models",
    "/v1",
    "https://",
    "https:///v1",
    "https://models.example.com/v1?",
    "https://models.example.com/v1?key=1",
    "https://models.example.com/v1#",
    "https://models.example.com/v1#part",
    "https://models.example.com/\ud800",
    "https://models.example.com/\x00",
    "https://models.example.com/" + "x" * 400,
    "https://[::1",
]


def test_alice_cannot_send_a_key_to_an_address_that_is_not_allowed(core: Core, alice: User) -> None:
    for address in BLOCKED:
        with pytest.raises(AddressBlocked):
            core.keys.add(alice, KeyDraft(address[:80], "openai_compatible", SECRET, address))
    assert core.keys.list(alice) == []


def test_alice_entering_no_full_address_is_asked_for_one(core: Core, alice: User) -> None:
    for address in NO_ADDRESS:
        with pytest.raises(Invalid) as caught:
            core.keys.add(alice, KeyDraft("n", "openai_compatible", SECRET, address))
        assert caught.value.field == "base_url", address
    assert core.keys.list(alice) == []


def test_alice_cannot_move_a_known_provider_to_another_address(core: Core, alice: User) -> None:
    key = core.keys.add(alice, KeyDraft("n", "openai", SECRET, "https://evil.example/v1"))
    assert key.base_url == "https://api.openai.com/v1"


def test_an_address_that_became_private_is_refused_when_it_is_called(
    core: Core, alice: User, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.keys._checks, "_policy", type(core.policy)())
    outcome = core.keys.test(alice, key.id)
    assert (outcome.ok, outcome.code) == (False, "address_blocked")
