"""What every sign-in provider must do, against a fake of it; a new file in ``providers/`` is tested at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest

from core.config import ROOT, load_settings
from core.errors import ModelError
from core.oauth.base import Channel, Provider
from core.oauth.failures import OAuthExpired
from core.oauth.kept import Kept
from core.oauth.models import Profile, Tokens
from core.oauth.registry import all_providers, provider_named
from core.security.egress import EgressPolicy, GuardedClient, guarded_client
from tests.fakes.oauth_server import CLIENT_ID, OLGA, Account, OAuthServer
from tests.support.oauth_stage import fake_of, settings_of

VERIFIER, NONCE, STATE = "v" * 43, "n" * 43, "s" * 43
REDIRECT = "http://zoark.test/oauth/x/callback"


@dataclass
class Stage:
    provider: Provider
    fake: OAuthServer
    http: GuardedClient

    def channel(self) -> Channel:
        client = self.provider.client(load_settings(**settings_of(self.provider.name, self.fake)))
        assert client is not None
        return self.provider.open(client, self.http, Kept())

    def url(self) -> str:
        return self.provider.authorise_url(self.channel(), REDIRECT, STATE, NONCE, VERIFIER)

    def tokens(self, account: Account = OLGA) -> Tokens:
        code = self.fake.visit(self.url(), account)["code"]
        return self.provider.exchange(self.channel(), code, VERIFIER, REDIRECT)

    def profile(self, account: Account = OLGA) -> Profile:
        return self.provider.identity(self.channel(), self.tokens(account), NONCE)


@pytest.fixture(params=list(all_providers()))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with fake_of(request.param) as fake:
        policy = EgressPolicy.from_allowlist(f"127.0.0.1:{fake.port}")
        with guarded_client(policy, total_seconds=30, max_bytes=100_000) as http:
            yield Stage(provider_named(request.param), fake, http)


def test_it_says_what_people_and_settings_need(stage: Stage) -> None:
    provider = stage.provider
    assert provider.label
    assert provider.name.isidentifier()
    mark = (ROOT / "app" / "ui" / "assets" / provider.mark).read_text()
    assert mark.startswith("<svg ")
    assert "script" not in mark
    assert len(mark) < 2000
    assert provider.client(load_settings()) is None
    client = provider.client(load_settings(**settings_of(provider.name, stage.fake)))
    assert client is not None
    assert "zoark-client-secret" not in repr(client)


def test_the_way_there_has_state_nonce_and_pkce(stage: Stage) -> None:
    query = parse_qs(urlsplit(stage.url()).query)
    assert query["client_id"] == [CLIENT_ID]
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == [REDIRECT]
    assert query["state"] == [STATE]
    assert query["nonce"] == [NONCE]
    assert query["code_challenge_method"] == ["S256"]
    assert query["code_challenge"] != [VERIFIER]
    assert query["scope"] == [" ".join(stage.provider.scopes)]


def test_a_code_becomes_tokens_and_somebody(stage: Stage) -> None:
    tokens = stage.tokens()
    assert tokens.access.get_secret_value() in stage.fake.access
    assert tokens.scopes == stage.provider.scopes
    assert "canary" not in repr(tokens)
    profile = stage.provider.identity(stage.channel(), tokens, NONCE)
    assert (profile.subject, profile.email, profile.email_verified) == (OLGA.subject, OLGA.email, True)
    assert profile.name == OLGA.name
    assert profile.issuer.startswith(stage.fake.url)


def test_an_unverified_address_is_called_so(stage: Stage) -> None:
    assert not stage.profile(Account("1002", "mallory@example.com", verified=False)).email_verified


@pytest.mark.parametrize(("verifier", "redirect"), [("w" * 43, REDIRECT), (VERIFIER, REDIRECT + "/x")])
def test_a_code_with_another_verifier_or_address_is_worth_nothing(
    stage: Stage, verifier: str, redirect: str
) -> None:
    code = stage.fake.visit(stage.url())["code"]
    with pytest.raises(OAuthExpired):
        stage.provider.exchange(stage.channel(), code, verifier, redirect)


def test_a_wrong_client_secret_is_the_installations_fault(stage: Stage) -> None:
    code = stage.fake.visit(stage.url())["code"]
    settings = settings_of(stage.provider.name, stage.fake)
    settings[f"ZOARK_OAUTH_{stage.provider.name.upper()}_CLIENT_SECRET"] = "wrong"
    client = stage.provider.client(load_settings(**settings))
    assert client is not None
    with pytest.raises(ModelError):
        stage.provider.exchange(stage.provider.open(client, stage.http, Kept()), code, VERIFIER, REDIRECT)


@pytest.mark.parametrize("fault", ["garbage", "list", "down", "refused"])
def test_a_broken_answer_is_one_kind_of_error_wherever_it_comes(stage: Stage, fault: str) -> None:
    stage.profile()
    for path in {call.split(" ")[1] for call in stage.fake.calls} - {stage.fake.authorise_path, "/user/emails"}:
        stage.fake.faults = {path: fault}
        with pytest.raises(ModelError) as caught:
            stage.profile()
        assert "canary-of-the-provider" not in f"{caught.value} {caught.value.__cause__}"


def test_it_says_whether_a_token_still_holds(stage: Stage) -> None:
    tokens = stage.tokens()
    assert stage.provider.accepts(stage.channel(), tokens.access)
    path = {"github": "/user"}.get(stage.provider.name, "/userinfo")
    stage.fake.faults = {path: "down"}
    with pytest.raises(ModelError):
        stage.provider.accepts(stage.channel(), tokens.access)
    stage.fake.faults = {}
    stage.fake.access.clear()
    assert not stage.provider.accepts(stage.channel(), tokens.access)


def test_tokens_are_ended_at_the_provider(stage: Stage) -> None:
    tokens = stage.tokens()
    assert stage.provider.revoke(stage.channel(), tokens)
    assert len(stage.fake.revoked) == 1
    assert stage.fake.revoked[0] in stage.fake.handed_out


def test_an_expired_token_is_renewed_once(stage: Stage) -> None:
    stage.fake.sends_refresh = True
    tokens = stage.tokens()
    assert tokens.refresh is not None
    renewed = stage.provider.refresh(stage.channel(), tokens.refresh)
    assert renewed.access.get_secret_value() in stage.fake.access
    assert renewed.access != tokens.access
    with pytest.raises(OAuthExpired):
        stage.provider.refresh(stage.channel(), tokens.refresh)
