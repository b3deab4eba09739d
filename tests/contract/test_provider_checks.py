"""The test of a sign-in provider's settings: good ones pass every step, and each mistake has its own sentence."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import load_settings
from core.errors import NotFound
from core.oauth import reach
from core.oauth.models import Finding
from core.oauth.reach import Reach
from core.oauth.registry import all_providers
from core.security.egress import EgressPolicy
from tests.fakes.oauth_server import OAuthServer
from tests.fakes.openid import FakeOpenId
from tests.support.app_server import free_port
from tests.support.certificate import write_certificate
from tests.support.oauth_stage import fake_of, settings_of

REDIRECT = "https://zoark.example.com/oauth/x/callback"
METADATA = "/.well-known/openid-configuration"


def check(name: str, settings: dict[str, str], allowlist: str) -> dict[str, Finding]:
    """Return the findings by what they are about; each is about something of its own."""
    found = Reach(load_settings(**settings), EgressPolicy.from_allowlist(allowlist)).check(name, REDIRECT)
    assert len({finding.what for finding in found}) == len(found)
    for finding in found:
        assert finding.sentence.endswith((".", "?"))
        assert "canary" not in finding.sentence
        assert "zoark-client-secret" not in finding.sentence
    return {finding.what: finding for finding in found}


def problems(found: dict[str, Finding]) -> dict[str, str]:
    return {what: finding.sentence for what, finding in found.items() if finding.level == "problem"}


@pytest.fixture(params=list(all_providers()))
def any_provider(request: pytest.FixtureRequest) -> Iterator[tuple[str, OAuthServer]]:
    with fake_of(request.param) as fake:
        yield request.param, fake


@pytest.fixture
def oidc() -> Iterator[FakeOpenId]:
    with fake_of("oidc") as fake:
        assert isinstance(fake, FakeOpenId)
        yield fake


def check_oidc(fake: FakeOpenId, **settings: str) -> dict[str, Finding]:
    return check("oidc", {**settings_of("oidc", fake), **settings}, f"127.0.0.1:{fake.port}")


def test_good_settings_pass_every_step(any_provider: tuple[str, OAuthServer]) -> None:
    name, fake = any_provider
    found = check(name, settings_of(name, fake), f"127.0.0.1:{fake.port}")
    assert problems(found) == {}
    steps = (
        {"Sign-in page", "API", "Client"}
        if name == "github"
        else {"Metadata", "Issuer", "Addresses", "PKCE", "Signing keys", "Client"}
    )
    assert set(found) == steps
    assert fake.handed_out == []


def test_a_wrong_secret_is_found_before_anybody_signs_in(any_provider: tuple[str, OAuthServer]) -> None:
    name, fake = any_provider
    secret = f"ZOARK_OAUTH_{name.upper()}_CLIENT_SECRET"
    found = check(name, {**settings_of(name, fake), secret: "wrong"}, f"127.0.0.1:{fake.port}")
    assert list(problems(found)) == ["Client"]
    assert secret in problems(found)["Client"]


def test_a_private_address_names_the_setting_that_allows_it(any_provider: tuple[str, OAuthServer]) -> None:
    name, fake = any_provider
    (sentence, *_) = problems(check(name, settings_of(name, fake), "")).values()
    assert sentence.startswith("Zoark may not call http://127.0.0.1:")
    assert "ZOARK_ENDPOINT_ALLOWLIST" in sentence


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("down", "answers with status 503"),
        ("refused", "answers with status 400"),
        ("garbage", "does not answer with a JSON document"),
        ("list", "does not answer with a JSON document"),
        ("slow", "does not answer in time"),
    ],
)
def test_broken_metadata_is_explained(
    oidc: FakeOpenId, fault: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "CALL_SECONDS", 0.5 if fault == "slow" else 30.0)
    oidc.faults = {METADATA: fault}
    found = check_oidc(oidc)
    assert list(found) == ["Metadata"]  # nothing else can be said
    assert says in problems(found)["Metadata"]


def test_metadata_of_another_issuer_is_explained(oidc: FakeOpenId) -> None:
    oidc.change_metadata = lambda d: {**d, "issuer": "https://login.example.com"}
    sentence = problems(check_oidc(oidc))["Issuer"]
    assert "https://login.example.com" in sentence
    assert "ZOARK_OAUTH_OIDC_METADATA_URL" in sentence


@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", [None, "", 5])
def test_metadata_that_leaves_something_out_is_explained(oidc: FakeOpenId, name: str, value: object) -> None:
    oidc.change_metadata = lambda d: {**d, name: value}
    assert any(f"does not say `{name}`" in sentence for sentence in problems(check_oidc(oidc)).values())


@pytest.mark.parametrize("address", ["http://login.example.com/token", "ftp://x", "http://[", "https://10.0.0.1/x"])
def test_an_address_that_may_not_be_called_is_found(oidc: FakeOpenId, address: str) -> None:
    oidc.change_metadata = lambda d: {**d, "token_endpoint": address}
    found = check_oidc(oidc)
    assert list(problems(found)) == ["Addresses"]
    assert "Client" not in found  # the secret is not sent there


@pytest.mark.parametrize(
    ("methods", "level"), [(["plain", "S256"], "ok"), (["plain"], "problem"), ("S256", "problem"), (None, "note")]
)
def test_pkce_must_be_offered_unless_nothing_is_said(oidc: FakeOpenId, methods: object, level: str) -> None:
    oidc.change_metadata = lambda d: {**d, "code_challenge_methods_supported": methods}
    assert check_oidc(oidc)["PKCE"].level == level


def test_signatures_that_zoark_does_not_know_are_found(oidc: FakeOpenId) -> None:
    oidc.change_metadata = lambda d: {**d, "id_token_signing_alg_values_supported": ["HS256", "none"]}
    assert "RS256 or ES256" in problems(check_oidc(oidc))["Signatures"]


@pytest.mark.parametrize("fault", ["down", "garbage"])
def test_keys_that_cannot_be_read_are_found(oidc: FakeOpenId, fault: str) -> None:
    oidc.faults = {"/keys": fault}
    assert list(problems(check_oidc(oidc))) == ["Signing keys"]


def test_an_empty_set_of_keys_is_found(oidc: FakeOpenId) -> None:
    oidc.published = []
    assert "publishes no RSA or elliptic-curve key" in problems(check_oidc(oidc))["Signing keys"]


@pytest.mark.parametrize("fault", ["garbage", "down", "list"])
def test_an_address_for_tokens_that_gives_no_answer_is_found(oidc: FakeOpenId, fault: str) -> None:
    oidc.faults = {"/token": fault}
    assert list(problems(check_oidc(oidc))) == ["Client"]


def test_a_missing_secret_is_named(oidc: FakeOpenId) -> None:
    found = check_oidc(oidc, ZOARK_OAUTH_OIDC_CLIENT_SECRET="")
    assert problems(found)["Settings"] == "Not set: ZOARK_OAUTH_OIDC_CLIENT_SECRET."


def test_a_server_that_is_not_running_is_explained() -> None:
    port = free_port()
    settings = {
        "ZOARK_OAUTH_OIDC_CLIENT_ID": "x",
        "ZOARK_OAUTH_OIDC_CLIENT_SECRET": "x",
        "ZOARK_OAUTH_OIDC_METADATA_URL": f"http://127.0.0.1:{port}{METADATA}",
    }
    found = check("oidc", settings, f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port} refuses the connection" in problems(found)["Metadata"]


def test_a_name_that_nobody_has_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("core.security.egress.resolver.socket.getaddrinfo", nobody)
    settings = {
        "ZOARK_OAUTH_GITHUB_CLIENT_ID": "x",
        "ZOARK_OAUTH_GITHUB_CLIENT_SECRET": "x",
        "ZOARK_OAUTH_GITHUB_BASE_URL": "https://github.company.invalid",
    }
    found = problems(check("github", settings, ""))
    assert found["Sign-in page"] == (
        "There is no server of the name github.company.invalid. Check ZOARK_OAUTH_GITHUB_BASE_URL."
    )
    assert "ZOARK_OAUTH_GITHUB_API_URL" in found["API"]


@pytest.mark.parametrize("path", ["/login/oauth/authorize", "/meta"])
def test_a_github_that_is_down_is_explained(path: str) -> None:
    with fake_of("github") as fake:
        fake.faults = {path: "down"}
        found = problems(check("github", settings_of("github", fake), f"127.0.0.1:{fake.port}"))
    assert len(found) == 1
    assert "answers with status 503" in next(iter(found.values()))


def test_a_certificate_that_nobody_vouches_for_is_explained(tmp_path: Path) -> None:
    write_certificate(tmp_path / "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            plain, _ = server.accept()
            with plain, contextlib.suppress(OSError):
                context.wrap_socket(plain, server_side=True).close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        settings = {
            "ZOARK_OAUTH_OIDC_CLIENT_ID": "x",
            "ZOARK_OAUTH_OIDC_CLIENT_SECRET": "x",
            "ZOARK_OAUTH_OIDC_METADATA_URL": f"https://127.0.0.1:{port}{METADATA}",
        }
        found = check("oidc", settings, f"127.0.0.1:{port}")
        thread.join(5)
    assert "no valid certificate" in problems(found)["Metadata"]


def test_a_provider_that_is_not_set_up_cannot_be_tested() -> None:
    for name in ("google", "myspace"):
        with pytest.raises(NotFound):
            check(name, {}, "")


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, {"google": 2, "microsoft": 2, "github": 2, "oidc": 3}),
        ({"ZOARK_OAUTH_OIDC_CLIENT_ID": "x"}, {"google": 2, "microsoft": 2, "github": 2, "oidc": 2}),
        ({"ZOARK_OAUTH_GITHUB_BASE_URL": ""}, {"google": 2, "microsoft": 2, "github": 3, "oidc": 3}),
    ],
)
def test_each_provider_says_which_settings_it_lacks(settings: dict[str, str], missing: dict[str, int]) -> None:
    states = Reach(load_settings(**settings), EgressPolicy()).states()
    assert {state.name: len(state.missing) for state in states} == missing
    known = {field.alias for field in type(load_settings()).model_fields.values()}
    assert {name for state in states for name in state.missing} <= known
    assert all(state.callback_path == f"/oauth/{state.name}/callback" for state in states)
    assert not any(state.is_set_up for state in states)
