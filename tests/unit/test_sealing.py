"""A sealed secret opens only where it belongs, and a key ring never shows what it holds."""

from __future__ import annotations

import base64
import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from core.errors import MasterKeyWrong, SecretUnreadable
from core.security import redact as redaction
from core.security.sealing import KeyRing, Vault

SECRET = "zk-live-0123456789abcdef"
CONTEXT = {"table": "keys", "row": "key_1", "owner": "user_1", "origin": "https://a.example", "version": 1}
OLD, NEW = b"o" * 32, b"n" * 32


def _entry(number: int, key: bytes) -> str:
    return f"{number}:{base64.b64encode(key).decode()}"


@pytest.fixture(autouse=True)
def _forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    # Sealing registers its secrets with the redactor of this process; other tests would find holes.
    monkeypatch.setattr(redaction, "_secrets", set())


@pytest.fixture
def vault() -> Vault:
    return Vault(KeyRing({1: OLD}), "inst_1")


@given(st.text())
def test_a_vault_opens_whatever_it_sealed(secret: str) -> None:
    vault = Vault(KeyRing({1: OLD}), "inst_1")
    storable = secret.encode("utf-8", "replace").decode()
    assert vault.unseal(vault.seal(storable, **CONTEXT), **CONTEXT).get_secret_value() == storable


def test_a_vault_seals_the_same_secret_differently_each_time(vault: Vault) -> None:
    assert vault.seal(SECRET, **CONTEXT) != vault.seal(SECRET, **CONTEXT)


@pytest.mark.parametrize(
    "elsewhere",
    [{"row": "key_2"}, {"owner": "user_2"}, {"table": "tools"}, {"origin": "https://b.example"}, {"version": 2}],
    ids=lambda change: next(iter(change)),
)
def test_a_thief_moving_a_sealed_value_elsewhere_cannot_open_it(
    vault: Vault, elsewhere: dict[str, str | int]
) -> None:
    sealed = vault.seal(SECRET, **CONTEXT)
    with pytest.raises(SecretUnreadable):
        vault.unseal(sealed, **{**CONTEXT, **elsewhere})


def test_another_installation_cannot_open_a_sealed_value(vault: Vault) -> None:
    sealed = vault.seal(SECRET, **CONTEXT)
    with pytest.raises(SecretUnreadable):
        Vault(KeyRing({1: OLD}), "inst_2").unseal(sealed, **CONTEXT)


def test_a_thief_flipping_any_bit_of_a_sealed_value_cannot_open_it(vault: Vault) -> None:
    sealed = vault.seal(SECRET, **CONTEXT)
    for position in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises(SecretUnreadable):
            vault.unseal(bytes(changed), **CONTEXT)


def test_a_vault_refuses_a_sealed_value_cut_off_anywhere(vault: Vault) -> None:
    sealed = vault.seal(SECRET, **CONTEXT)
    for length in range(len(sealed)):
        with pytest.raises(SecretUnreadable):
            vault.unseal(sealed[:length], **CONTEXT)


def test_a_ring_of_two_keys_seals_with_the_first_and_opens_both() -> None:
    before = Vault(KeyRing.parse(_entry(1, OLD)), "inst_1")
    both = Vault(KeyRing.parse(f"{_entry(2, NEW)},{_entry(1, OLD)}"), "inst_1")
    assert both.unseal(before.seal(SECRET, **CONTEXT), **CONTEXT) == SecretStr(SECRET)
    sealed_now = both.seal(SECRET, **CONTEXT)
    with pytest.raises(SecretUnreadable):
        before.unseal(sealed_now, **CONTEXT)
    assert Vault(KeyRing({2: NEW}), "inst_1").unseal(sealed_now, **CONTEXT) == SecretStr(SECRET)


def test_a_ring_reads_what_it_rendered() -> None:
    ring = KeyRing({2: NEW, 1: OLD})
    assert list(KeyRing.parse(f" {ring.render()} ").masters.items()) == [(2, NEW), (1, OLD)]
    assert KeyRing.generate().masters != KeyRing.generate().masters


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        _entry(1, b"short"),
        _entry(1, b"l" * 33),
        _entry(0, OLD),
        _entry(-1, OLD),
        _entry(65536, OLD),
        f"{_entry(1, OLD)},{_entry(1, NEW)}",
        base64.b64encode(OLD).decode(),
        f"one:{base64.b64encode(OLD).decode()}",
        _entry(1, OLD).replace("=", "*"),
        _entry(1, OLD) + "ä",
        f"{_entry(1, OLD)};{_entry(2, NEW)}",
        "9" * 5000 + ":" + base64.b64encode(OLD).decode(),
    ],
)
def test_an_operator_with_a_malformed_ring_reads_one_sentence_without_the_key(text: str) -> None:
    with pytest.raises(MasterKeyWrong) as caught:
        KeyRing.parse(text)
    told = repr(caught.value) + caught.value.sentence + repr(caught.value.__context__)
    assert caught.value.sentence.startswith("ZOARK_MASTER_KEYS is ")
    assert caught.value.sentence.count(". ") == 0
    for key in (OLD, NEW):
        assert base64.b64encode(key).decode()[:20] not in told


def test_whoever_prints_a_ring_or_a_vault_sees_no_key(caplog: pytest.LogCaptureFixture) -> None:
    ring = KeyRing({1: OLD})
    vault = Vault(ring, "inst_1")
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r %s %r", ring, ring, vault, vault)
    shown = f"{ring} {ring!r} {vault} {vault!r} {caplog.text} {json.dumps([ring, vault], default=str)}"
    for secret in (OLD.decode(), base64.b64encode(OLD).decode(), repr(OLD)):
        assert secret not in shown


def test_whoever_prints_an_opened_secret_sees_stars(vault: Vault) -> None:
    opened = vault.unseal(vault.seal(SECRET, **CONTEXT), **CONTEXT)
    assert SECRET not in f"{opened} {opened!r} {json.dumps({'secret': opened}, default=str)}"


def test_a_cache_cannot_pickle_a_ring_or_a_vault() -> None:
    for value in (KeyRing({1: OLD}), Vault(KeyRing({1: OLD}), "inst_1")):
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(value)


def test_a_ring_proves_possession_only_with_the_same_key_and_installation() -> None:
    proof = KeyRing({1: OLD}).checks("inst_1")["1"]
    assert proof == KeyRing({2: NEW, 1: OLD}).checks("inst_1")["1"]
    assert proof != KeyRing({1: NEW}).checks("inst_1")["1"]
    assert proof != KeyRing({1: OLD}).checks("inst_2")["1"]
    assert base64.b64encode(OLD).decode() not in proof
