"""What can be said about sign-in providers without any server."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from core.config import ROOT, load_settings
from core.errors import BadResponse, NotFound
from core.oauth import shown
from core.oauth.base import Channel, Endpoints
from core.oauth.kept import Kept
from core.oauth.models import Client, Profile
from core.oauth.providers.github import PROVIDER as GITHUB
from core.oauth.providers.google import PROVIDER as GOOGLE
from core.oauth.providers.microsoft import PERSONAL_TENANT
from core.oauth.providers.microsoft import PROVIDER as MICROSOFT
from core.oauth.registry import all_providers, provider_named

LOGIN = "https://login.microsoftonline.com"
TENANT = "3f2b1a90-1111-4222-8333-944444444444"
TEMPLATE = f"{LOGIN}/{{tenantid}}/v2.0"
WELL_KNOWN = "/.well-known/openid-configuration"


def channel(issuer: str) -> Channel:
    return Channel(Client("id", SecretStr("x")), None, Endpoints(issuer, "", ""), Kept())  # type: ignore[arg-type]


def test_providers_come_in_the_order_of_the_buttons() -> None:
    assert list(all_providers()) == ["google", "microsoft", "github", "oidc"]
    with pytest.raises(NotFound):
        provider_named("myspace")


def test_nothing_is_set_up_by_default_and_defaults_lead_to_the_real_ones() -> None:
    assert [p for p in all_providers().values() if p.client(load_settings())] == []
    settings = load_settings(
        ZOARK_OAUTH_GOOGLE_CLIENT_ID="a", ZOARK_OAUTH_MICROSOFT_CLIENT_ID="b", ZOARK_OAUTH_GITHUB_CLIENT_ID="c"
    )
    google, microsoft, github = (p.client(settings) for p in (GOOGLE, MICROSOFT, GITHUB))
    assert google is not None
    assert google.metadata_url == "https://accounts.google.com" + WELL_KNOWN
    assert microsoft is not None
    assert microsoft.metadata_url == f"{LOGIN}/common/v2.0" + WELL_KNOWN
    assert github is not None
    assert GITHUB.endpoints(github, None).token == "https://github.com/login/oauth/access_token"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("issuer", "folder", "may"),
    [
        (TEMPLATE, "common", True),
        (TEMPLATE, "organizations", True),
        (TEMPLATE, TENANT, False),
        (f"{LOGIN}/{TENANT}/v2.0", TENANT, True),
        (f"{LOGIN}/{TENANT}/v2.0", "common", False),
        ("https://evil.example/{tenantid}/v2.0", "common", False),
    ],
)
def test_a_microsoft_document_speaks_for_its_own_issuer(issuer: str, folder: str, may: bool) -> None:
    assert MICROSOFT.may_be_issuer(issuer, f"{LOGIN}/{folder}/v2.0{WELL_KNOWN}") is may


def test_a_document_speaks_for_its_own_issuer_with_and_without_a_slash() -> None:
    for issuer in ("https://id.example", "https://id.example/"):
        assert GOOGLE.may_be_issuer(issuer, "https://id.example" + WELL_KNOWN)
    assert not GOOGLE.may_be_issuer("https://id.example", "https://id.example.evil" + WELL_KNOWN)


@pytest.mark.parametrize(
    ("issuer", "claims", "is_verified"),
    [
        (TEMPLATE, {"tid": TENANT, "email_verified": True}, False),  # any tenant's administrator can say so
        (TEMPLATE, {"tid": TENANT, "xms_edov": False}, False),
        (TEMPLATE, {"tid": TENANT, "xms_edov": "0"}, False),
        (TEMPLATE, {"tid": TENANT, "xms_edov": True}, True),
        (TEMPLATE, {"tid": TENANT, "xms_edov": "1"}, True),
        (TEMPLATE, {"tid": PERSONAL_TENANT}, True),
        (f"{LOGIN}/{TENANT}/v2.0", {"tid": TENANT}, True),
    ],
)
def test_a_microsoft_address_is_believed_only_with_a_reason(
    issuer: str, claims: dict[str, Any], is_verified: bool
) -> None:
    assert MICROSOFT.is_verified(channel(issuer), claims) is is_verified


@pytest.mark.parametrize(
    ("claim", "is_verified"),
    [(True, True), ("true", True), (False, False), ("false", False), (None, False), ("yes", False)],
)
def test_an_address_is_verified_when_the_provider_says_so(claim: object, is_verified: bool) -> None:
    assert GOOGLE.is_verified(channel("x"), {"email_verified": claim}) is is_verified


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "t", "token_type": "mac"},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": []},
    ],
)
def test_a_token_answer_of_another_form_is_refused(answer: dict[str, Any]) -> None:
    with pytest.raises((BadResponse, KeyError, TypeError, ValueError)):  # as ``_tokens`` takes them together
        GOOGLE._read(answer)


def test_a_token_answer_is_read() -> None:
    tokens = GOOGLE._read({"access_token": "t", "scope": "a,b c", "expires_in": 10**30, "refresh_token": ""})
    assert tokens.scopes == ("a", "b", "c")
    assert tokens.refresh is None
    assert tokens.expires_at is not None
    assert GOOGLE._read({"access_token": "t"}).scopes == GOOGLE.scopes


def test_a_providers_text_is_one_printable_line() -> None:
    assert shown.line("  O\x00l\u202ega \n Octo ", 120) == "Olga Octo"
    assert len(shown.name(Profile("i", "s", "e", True, "x" * 500))) == 120


def test_the_libraries_are_loaded_with_the_first_sign_in_and_not_before() -> None:
    code = "import sys, core.bootstrap, app.http.oauth_routes; print(*{n.split('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"authlib", "joserfc"} & set(done.stdout.split())
