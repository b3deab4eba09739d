"""Access tokens: only what we signed, for ourselves, with one algorithm, is believed; nothing else breaks us."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import RSAKey

from core.logins import access
from core.security.sealing import KeyRing

OLD, NEW = ("1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=", "2:" + base64.b64encode(b"n" * 32).decode())
RING = KeyRing.parse(f"{NEW},{OLD}")
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLAIMS = access.Claims("user_1", "sess_1", "jti_1")
HEADER = {"alg": "HS256", "typ": "JWT", "kid": "2"}
BODY = {
    "iss": "zoark",
    "aud": "zoark-api",
    "sub": "user_1",
    "sid": "sess_1",
    "jti": "jti_1",
    "iat": int(AT.timestamp()),
    "exp": int(AT.timestamp()) + 60,
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(header: Any, body: Any, key: bytes, digest: str = "sha256") -> str:
    """Write a token by hand, signed with HMAC."""
    parts = [b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, body)]
    signature = hmac.new(key, ".".join(parts).encode(), digest).digest()
    return ".".join([*parts, b64(signature)])


def ours(header: Any = HEADER, body: Any = BODY) -> str:
    return token(header, body, RING.derive("access-token", 2))


def verify(text: str) -> access.Claims | None:
    return access.verify(RING, text, AT)


def test_what_we_sign_is_believed_for_fifteen_minutes() -> None:
    assert verify(ours()) == CLAIMS
    signed = access.sign(RING, CLAIMS, AT)
    assert access.verify(RING, signed, AT + timedelta(minutes=14, seconds=59)) == CLAIMS
    assert access.verify(RING, signed, AT + timedelta(minutes=15)) is None


def test_a_token_of_an_older_master_key_is_good_until_that_key_is_removed() -> None:
    signed = access.sign(KeyRing.parse(OLD), CLAIMS, AT)
    assert verify(signed) == CLAIMS
    assert access.verify(KeyRing.parse(NEW), signed, AT) is None
    other = KeyRing.parse("1:" + base64.b64encode(b"o" * 32).decode())
    assert access.verify(other, signed, AT) is None


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "2"},
        {"alg": "None", "kid": "2"},
        {"alg": "RS256", "kid": "2"},
        {"alg": "HS384", "kid": "2"},
        {"alg": "HS512", "kid": "2"},
        {"alg": ["HS256"], "kid": "2"},
        {"kid": "2"},
        {"alg": "HS256"},
        {"alg": "HS256", "kid": "1"},
        {"alg": "HS256", "kid": "3"},
        {"alg": "HS256", "kid": "-2"},
        {"alg": "HS256", "kid": "../2"},
        {"alg": "HS256", "kid": None},
        {"alg": "HS256", "kid": {"2": 2}},
        {"alg": "HS256", "kid": "2" * 1000},
        {"alg": "HS256", "kid": "2", "crit": ["exp"]},
        {"alg": "HS256", "kid": "2", "b64": False, "crit": ["b64"]},
    ],
    ids=lambda header: json.dumps(header)[:40],
)
def test_another_header_is_refused_though_its_signature_fits(header: dict[str, Any]) -> None:
    assert verify(ours(header=header)) is None


def test_an_unsigned_token_and_one_signed_by_others_are_refused() -> None:
    head, body, signature = ours().split(".")
    none = b64(json.dumps({"alg": "none", "kid": "2"}).encode())
    assert verify(f"{none}.{body}.") is None
    assert verify(f"{head}.{body}.") is None
    assert verify(f"{head}.{body}.{signature[:-2]}") is None
    assert verify(token(HEADER, BODY, b"guessed")) is None
    # Keys for other purposes of the same master key, and the master key itself.
    assert verify(token(HEADER, BODY, RING.derive("cookie", 2))) is None
    assert verify(token(HEADER, BODY, RING.masters[2])) is None
    longer = {**HEADER, "alg": "HS512"}
    assert verify(token(longer, BODY, RING.derive("access-token", 2), "sha512")) is None


def test_a_key_that_the_token_brings_along_is_not_used() -> None:
    key = RSAKey.import_key(rsa.generate_private_key(65537, 2048))
    header = {"alg": "RS256", "kid": "2", "jwk": key.as_dict(private=False)}
    assert verify(jwt.encode(header, BODY, key, algorithms=["RS256"])) is None
    brought = {**HEADER, "jwk": {"kty": "oct", "k": b64(b"mine")}}
    assert verify(token(brought, BODY, b"mine")) is None


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["zoark-api", "other"]},
        {"exp": int(AT.timestamp())},
        {"exp": 0},
        {"exp": -1},
        {"exp": None},
        {"exp": True},
        {"exp": str(BODY["exp"])},
        {"exp": float(BODY["exp"])},
        {"exp": [BODY["exp"]]},
        {"sub": None},
        {"sub": 1},
        {"sid": ["sess_1"]},
        {"jti": {}},
        *({name: ...} for name in ("iss", "aud", "exp", "sub", "sid", "jti")),
    ],
    ids=str,
)
def test_other_claims_are_refused_though_the_signature_fits(change: dict[str, Any]) -> None:
    body = {name: value for name, value in {**BODY, **change}.items() if value is not ...}
    assert verify(ours(body=body)) is None


ODD = [b"[]", b"1", b"null", b'"x"', b"\xff", b"", b"[" * 700 + b"]" * 700, b'{"exp":1e999}']


@pytest.mark.parametrize("part", ODD)
def test_odd_json_is_refused_and_breaks_nothing(part: bytes) -> None:
    assert verify(ours(header=part)) is None
    assert verify(ours(body=part)) is None
    assert verify(ours(body=b"[" * 700)) is None


@given(st.text(max_size=300) | st.from_regex(r"[\w-]{0,60}(\.[\w-]{0,60}){0,5}"))
def test_no_text_breaks_us(text: str) -> None:
    assert verify(text) is None


def test_a_token_of_any_length_is_cheap_to_refuse() -> None:
    assert verify(ours() + "A" * access.MAX_LENGTH) is None


def test_the_key_is_of_this_purpose_only() -> None:
    assert len(RING.derive("access-token", 2)) == hashlib.sha256().digest_size
    assert RING.derive("access-token", 2) != RING.derive("access-token", 1)
