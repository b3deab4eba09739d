"""Codes of an authenticator app and recovery codes, as pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from core import clock
from core.two_factor import codes
from core.two_factor.models import Enrolment, RecoveryCodes

# RFC 6238, appendix B: the SHA-1 seed and its last six digits.
RFC_SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_the_examples_of_rfc_6238_match(seconds: int, code: str) -> None:
    assert codes.matching_step(RFC_SEED, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.parametrize(("drift", "matches"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(drift: int, matches: bool) -> None:
    at = datetime(2026, 11, 24, 12, 0, 15, tzinfo=UTC)
    code = pyotp.TOTP(RFC_SEED).at(at + timedelta(seconds=drift))
    assert (codes.matching_step(RFC_SEED, code, at) is not None) is matches


def test_a_seed_has_160_bits_and_is_not_repeated() -> None:
    seeds = {codes.new_seed() for _ in range(50)}
    assert len(seeds) == 50
    assert {len(pyotp.TOTP(seed).byte_secret()) for seed in seeds} == {20}


def test_a_recovery_code_has_80_bits_in_four_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {codes.new_recovery_code() for _ in range(200)}
    assert len(found) == 200
    assert {tuple(map(len, code.split("-"))) for code in found} == {(4, 4, 4, 4)}
    assert len(set("".join(found)) - {"-"}) == 32
    monkeypatch.setattr(clock, "new_bytes", lambda count: b"\xff" * count)
    assert codes.new_recovery_code() == "zzzz-zzzz-zzzz-zzzz"


@pytest.mark.parametrize(
    "typed", ["ABCD-EFGH-JKMN-01PQ", " abcd efgh jkmn o1pq", "abcdefghjkmnOLpq", "abcdefghjkmn0ipq"]
)
def test_a_recovery_code_is_read_however_it_is_typed(typed: str) -> None:
    assert codes.normal_recovery_code(typed) == "abcdefghjkmn01pq"


@pytest.mark.parametrize(
    ("typed", "is_code"),
    [
        ("123456", True),
        ("123 456", True),
        ("12345", False),
        ("1234567", False),
        ("٣٤٥٦٧٨", False),
        ("abcdef", False),
    ],
)
def test_six_digits_are_a_code_of_the_app(typed: str, is_code: bool) -> None:
    assert codes.is_six_digits(typed) is is_code


def test_the_qr_code_is_drawn_without_the_seed_as_text() -> None:
    svg = codes.qr_svg(RFC_SEED, "alice@example.com", "Acme")
    assert svg.startswith("<svg")
    assert RFC_SEED not in svg


def test_what_is_shown_once_is_in_no_repr() -> None:
    assert "seed" not in repr(Enrolment("seed", "seed"))
    assert "abcd" not in repr(RecoveryCodes(("abcd",)))
