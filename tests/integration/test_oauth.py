"""People sign in at a provider, connect and disconnect accounts there; whoever is not proven stays out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import select, update

from core import clock
from core.accounts.models import MailLink, User
from core.audit.origin import set_origin
from core.bootstrap import Core, build_core
from core.config import Settings, load_settings
from core.db.tables import audit_log, identities, metadata, oauth_flows, users
from core.errors import Conflict, CoreError, LinkRefused, NotFound, RateLimitedHere, RegistrationClosed
from core.oauth import reach, service
from core.oauth.failures import (
    OAuthAccountExists,
    OAuthDeclined,
    OAuthDomainRefused,
    OAuthEmailUnverified,
    OAuthExpired,
    OAuthFlowRefused,
    OAuthIdentityTaken,
    OAuthOtherAddress,
    OAuthProofRefused,
    OAuthProviderFailed,
    OAuthSuspended,
)
from core.oauth.kept import Kept
from core.oauth.models import Answer, Identity
from core.oauth.providers.google import PROVIDER as GOOGLE
from tests.conftest import PASSWORD, Cast
from tests.fakes.github import FakeGitHub
from tests.fakes.oauth_server import OLGA, Account, OAuthServer
from tests.fakes.openid import TENANT, Claims, FakeOpenId
from tests.support.oauth_stage import settings_of
from tests.support.stopped_clock import StoppedClock

BROWSER = "browser-of-olga"
REDIRECT = "http://zoark.test/oauth/callback"
MALLORY = Account("6666", "mallory@example.com", name="Mallory")


@pytest.fixture
def microsoft() -> Iterator[FakeOpenId]:
    with FakeOpenId(tenant=TENANT) as fake:
        assert isinstance(fake, FakeOpenId)
        yield fake


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        assert isinstance(fake, FakeGitHub)
        yield fake


@pytest.fixture
def settings(
    database_url: str, tmp_path: Path, google: FakeOpenId, microsoft: FakeOpenId, github: FakeGitHub
) -> Settings:
    fakes: dict[str, OAuthServer] = {"google": google, "microsoft": microsoft, "github": github}
    allowed = ",".join(f"127.0.0.1:{fake.port}" for fake in fakes.values())
    chosen = {
        name: value for provider, fake in fakes.items() for name, value in settings_of(provider, fake).items()
    }
    return load_settings(
        DATABASE_URL=database_url,
        ZOARK_DATA_DIR=tmp_path,
        ZOARK_REGISTRATION="open",
        ZOARK_ENDPOINT_ALLOWLIST=allowed,
        ZOARK_MASTER_KEYS="1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=",
        **chosen,
    )


class Visitor:
    """Somebody's browser on its way to a provider and back."""

    def __init__(self, core: Core, fakes: dict[str, OAuthServer]) -> None:
        self.core = core
        self.fakes = fakes

    def leave(self, provider: str, account: Account = OLGA, actor: User | None = None) -> dict[str, str]:
        """Go to the provider, agree, and return what the browser brings back."""
        url = self.core.oauth.begin(actor, provider, BROWSER, REDIRECT, "/runs")
        return self.fakes[provider].visit(url, account)

    def come_back(
        self, provider: str, query: dict[str, str], actor: User | None = None, invitation: str = ""
    ) -> User:
        flow = self.core.oauth.take_flow(provider, query["state"], BROWSER)
        answer = Answer(query.get("code", ""), query.get("error", ""), query.get("iss", ""), REDIRECT, invitation)
        return self.core.oauth.finish(actor, flow, answer)

    def accept(self, provider: str, invitation: str, account: Account = OLGA) -> User:
        return self.come_back(provider, self.leave(provider, account), invitation=invitation)

    def sign_in(self, provider: str, account: Account = OLGA, actor: User | None = None) -> User:
        return self.come_back(provider, self.leave(provider, account, actor), actor)

    def identity(self, user: User) -> Identity:
        (identity,) = self.core.oauth.list(user)
        return identity


@pytest.fixture
def visitor(core: Core, google: FakeOpenId, microsoft: FakeOpenId, github: FakeGitHub) -> Visitor:
    return Visitor(core, {"google": google, "microsoft": microsoft, "github": github})


def actions(core: Core) -> list[tuple[str, str]]:
    with core.db.read() as connection:
        rows = connection.execute(select(audit_log).order_by(audit_log.c.seq)).all()
    return [(row.action, row.result) for row in rows if row.action.startswith("oauth.")]


def count_users(core: Core) -> int:
    with core.db.read() as connection:
        return len(connection.execute(select(users.c.id)).all())


def forget_what_is_kept(core: Core) -> None:
    core.oauth._reach._kept = Kept()


def suspend(core: Core, user: User) -> None:
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == user.id).values(is_active=False))


# --- signing in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["google", "microsoft", "github"])
def test_a_new_person_becomes_a_member_and_is_known_the_next_time(
    core: Core, visitor: Visitor, provider: str
) -> None:
    olga = visitor.sign_in(provider)
    assert (olga.email, olga.name, olga.role) == (OLGA.email, OLGA.name, "member")
    assert olga.proved_at is not None
    assert visitor.sign_in(provider) == olga
    assert count_users(core) == 1
    identity = visitor.identity(olga)
    assert (identity.provider, identity.subject, identity.token_version) == (provider, OLGA.subject, 2)
    assert actions(core) == [("oauth.signed_up", "ok"), ("oauth.signed_in", "ok")]
    with core.db.read() as connection:
        row = connection.execute(select(users)).one()
    assert row.password_hash is None
    assert row.email_verified_at is not None
    assert core.audit.verify().broken_at is None


def test_somebody_known_is_found_by_subject_even_when_the_address_changed(core: Core, visitor: Visitor) -> None:
    olga = visitor.sign_in("google")
    moved = replace(OLGA, email="olga@married.example", verified=False)
    assert visitor.sign_in("google", moved) == olga
    assert visitor.identity(olga).email == "olga@married.example"


def test_an_address_that_somebody_has_is_never_merged(core: Core, cast: Cast, visitor: Visitor) -> None:
    mine = Account("77", "Alice@Example.com")
    with pytest.raises(OAuthAccountExists, match="Sign in with your password, then connect Google"):
        visitor.sign_in("google", mine)
    assert core.oauth.list(cast.alice) == []
    assert actions(core) == [("oauth.refused", "oauth_account_exists")]


def test_two_providers_with_one_address_are_two_people_until_connected(visitor: Visitor) -> None:
    visitor.sign_in("google")
    with pytest.raises(OAuthAccountExists):
        visitor.sign_in("github")


@pytest.mark.parametrize("provider", ["google", "microsoft", "github"])
def test_an_unverified_address_is_refused(core: Core, visitor: Visitor, provider: str) -> None:
    with pytest.raises(OAuthEmailUnverified):
        visitor.sign_in(provider, replace(OLGA, verified=False))
    assert count_users(core) == 0


@pytest.mark.parametrize("email", ["", "no address", "a@b\nc"])
def test_something_that_is_no_address_is_refused(visitor: Visitor, email: str) -> None:
    with pytest.raises(OAuthEmailUnverified):
        visitor.sign_in("google", replace(OLGA, email=email))


@pytest.mark.parametrize("mode", ["invite", "closed"])
def test_a_stranger_is_refused_where_registration_is_not_open(
    settings: Settings, core: Core, visitor: Visitor, mode: str
) -> None:
    olga = visitor.sign_in("google")
    closed = build_core(settings.model_copy(update={"registration": mode}))
    visitor.core = closed
    with pytest.raises(RegistrationClosed):
        visitor.sign_in("github", MALLORY)
    assert visitor.sign_in("google") == olga  # who is known comes in
    assert count_users(core) == 1
    closed.close()


def test_an_address_of_another_domain_is_refused(core: Core, visitor: Visitor) -> None:
    admin = core.accounts.create_user("admin@example.com", "Admin", PASSWORD, "admin")
    core.organisation.change(admin, {"allowed_email_domains": ["company.example"]})
    with pytest.raises(OAuthDomainRefused):
        visitor.sign_in("google")


def test_a_suspended_person_is_refused(core: Core, visitor: Visitor) -> None:
    olga = visitor.sign_in("google")
    suspend(core, olga)
    with pytest.raises(OAuthSuspended):
        visitor.sign_in("google")
    with pytest.raises(OAuthSuspended):
        visitor.sign_in("github")  # not by another door either
    assert actions(core)[-1] == ("oauth.refused", "oauth_suspended")


def test_of_two_first_sign_ins_at_once_one_member_comes(core: Core, visitor: Visitor) -> None:
    queries = [visitor.leave("google") for _ in range(4)]
    barrier = Barrier(4)

    def come_back(query: dict[str, str]) -> str:
        barrier.wait()
        try:
            return visitor.come_back("google", query).id
        except CoreError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        outcomes = set(pool.map(come_back, queries))
    assert count_users(core) == 1
    (user_id,) = (outcome for outcome in outcomes if outcome.startswith("user_"))
    assert outcomes <= {user_id, "oauth_account_exists", "oauth_identity_taken"}


# --- the flow -----------------------------------------------------------------------------------


def test_a_state_works_once(visitor: Visitor, core: Core) -> None:
    query = visitor.leave("google")
    visitor.come_back("google", query)
    with pytest.raises(OAuthFlowRefused):
        visitor.come_back("google", query)


def test_of_many_at_once_one_takes_the_flow(visitor: Visitor, core: Core) -> None:
    state = visitor.leave("google")["state"]
    barrier = Barrier(6)

    def take(_: int) -> bool:
        barrier.wait()
        try:
            return bool(core.oauth.take_flow("google", state, BROWSER))
        except OAuthFlowRefused:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(take, range(6))).count(True) == 1


def test_another_browser_cannot_take_it_and_does_not_use_it_up(visitor: Visitor, core: Core) -> None:
    query = visitor.leave("google")
    for browser in ("browser-of-mallory", ""):
        with pytest.raises(OAuthFlowRefused):
            core.oauth.take_flow("google", query["state"], browser)
    assert visitor.come_back("google", query).email == OLGA.email


@pytest.mark.parametrize("state", ["", "x", "s" * 43, "é" * 5000, "\ud800"])
def test_an_unknown_state_is_refused(core: Core, visitor: Visitor, state: str) -> None:
    visitor.leave("google")
    with pytest.raises(OAuthFlowRefused):
        core.oauth.take_flow("google", state, BROWSER)


def test_only_the_refusal_of_a_flow_that_began_here_is_audited(core: Core, visitor: Visitor) -> None:
    state = visitor.leave("google")["state"]
    for provider, given, browser in (
        ("google", "junk", BROWSER),
        ("google", state, "browser-of-mallory"),
        ("github", state, BROWSER),
    ):
        with pytest.raises(OAuthFlowRefused):
            core.oauth.take_flow(provider, given, browser)
    assert actions(core) == [("oauth.refused", "oauth_flow")] * 2


@pytest.mark.parametrize("what", ["start", "return"])
def test_one_address_comes_no_more_often_than_allowed(
    core: Core, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 2)

    def come() -> str:
        if what == "start":
            return visitor.leave("google")["state"]
        with pytest.raises(OAuthFlowRefused):
            core.oauth.take_flow("google", "junk", BROWSER)
        return ""

    set_origin("203.0.113.7", "")
    come(), come()
    with pytest.raises(RateLimitedHere) as caught:
        come()
    assert 1 <= int(str(caught.value.facts["wait_seconds"])) <= 12
    set_origin("203.0.113.8", "")
    come()


def test_a_flow_belongs_to_its_provider(core: Core, visitor: Visitor) -> None:
    """Mix-up: an answer of one provider at the address of another."""
    query = visitor.leave("google")
    with pytest.raises(OAuthFlowRefused):
        core.oauth.take_flow("github", query["state"], BROWSER)


def test_a_flow_lasts_ten_minutes(core: Core, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    state = visitor.leave("google")["state"]
    time.advance(minutes=10, seconds=1)
    with pytest.raises(OAuthFlowRefused):
        core.oauth.take_flow("google", state, BROWSER)
    visitor.leave("google")
    with core.db.read() as connection:
        assert len(connection.execute(select(oauth_flows)).all()) == 1  # the old one is swept


def test_a_provider_that_is_not_set_up_is_not_there(core: Core) -> None:
    assert [provider.name for provider in core.oauth.providers()] == ["google", "microsoft", "github"]
    for name in ("oidc", "myspace", "../google"):
        with pytest.raises(NotFound):
            core.oauth.begin(None, name, BROWSER, REDIRECT, "/")
        with pytest.raises(NotFound):
            core.oauth.take_flow(name, "state", BROWSER)


def calls_of(fake: OAuthServer, sign_in: Callable[[], object]) -> list[str]:
    """Return what a sign-in asks of the provider itself; the browser goes there too."""
    before = len(fake.calls)
    sign_in()
    return [call for call in fake.calls[before:] if call != f"GET {fake.authorise_path}"]


METADATA, KEYS, TOKEN = "GET /.well-known/openid-configuration", "GET /keys", "POST /token"


def test_what_a_provider_publishes_is_read_once_in_ten_minutes(
    visitor: Visitor, google: FakeOpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = [1000.0]
    monkeypatch.setattr(clock, "monotonic_seconds", lambda: passed[0])
    assert calls_of(google, lambda: visitor.sign_in("google")) == [METADATA, TOKEN, KEYS]
    assert calls_of(google, lambda: visitor.sign_in("google")) == [TOKEN]
    passed[0] += 599
    assert calls_of(google, lambda: visitor.sign_in("google")) == [TOKEN]
    passed[0] += 2
    assert calls_of(google, lambda: visitor.sign_in("google")) == [METADATA, TOKEN, KEYS]


def test_a_key_that_nobody_knows_is_looked_up_once(visitor: Visitor, google: FakeOpenId) -> None:
    """The provider has changed its key; somebody who makes keys up gains nothing but one look."""
    visitor.sign_in("google")
    google.rotate()
    assert calls_of(google, lambda: visitor.sign_in("google")) == [TOKEN, KEYS]
    assert calls_of(google, lambda: visitor.sign_in("google")) == [TOKEN]
    google.signer, google.kid = RSAKey.generate_key(2048), "made-up"

    def forged() -> None:
        with pytest.raises(OAuthProofRefused):
            visitor.sign_in("google")

    assert calls_of(google, forged) == [TOKEN, KEYS]


def test_a_token_that_names_no_key_is_checked_with_fresh_ones(visitor: Visitor, google: FakeOpenId) -> None:
    """OpenID Connect Core 1.0, 10.1: a name is needed only among several keys."""
    google.published = google.published[:1]
    visitor.sign_in("google")
    google.kid, google.keys_without_names = None, True
    assert calls_of(google, lambda: visitor.sign_in("google")) == [TOKEN, KEYS]


# --- the proof ----------------------------------------------------------------------------------


def changed(**claims: Any) -> Callable[[Claims], Claims]:
    return lambda before: {name: value for name, value in {**before, **claims}.items() if value is not None}


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"nonce": ["list"]},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": ["zoark-client", "another-client"]},
        {"aud": ["zoark-client", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"aud": None},
        {"iss": "https://accounts.google.com"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"sub": "x" * 256},
        {"exp": 1_600_000_000},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 4_000_000_000},
        {"iat": None},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(
    core: Core, visitor: Visitor, google: FakeOpenId, claims: Claims
) -> None:
    google.change = changed(**claims)
    with pytest.raises(OAuthProofRefused):
        visitor.sign_in("google")
    assert count_users(core) == 0
    assert actions(core) == [("oauth.refused", "oauth_proof")]


@pytest.mark.parametrize("claims", [{"aud": ["zoark-client"]}, {"azp": "zoark-client"}], ids=str)
def test_every_right_form_of_an_audience_is_understood(
    visitor: Visitor, google: FakeOpenId, claims: Claims
) -> None:
    google.change = changed(**claims)
    assert visitor.sign_in("google").email == OLGA.email


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "PS256"])
def test_a_token_under_another_algorithm_lets_nobody_in(
    visitor: Visitor, google: FakeOpenId, algorithm: str
) -> None:
    google.algorithm = algorithm
    with pytest.raises(OAuthProofRefused):
        visitor.sign_in("google")


def test_a_token_that_somebody_else_signed_lets_nobody_in(visitor: Visitor, google: FakeOpenId) -> None:
    google.signer = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    with pytest.raises(OAuthProofRefused):
        visitor.sign_in("google")


def test_elliptic_curves_are_understood(visitor: Visitor, google: FakeOpenId) -> None:
    google.algorithm = "ES256"
    assert visitor.sign_in("google").email == OLGA.email


def test_the_nonce_of_another_flow_is_worth_nothing(visitor: Visitor, google: FakeOpenId) -> None:
    """A stolen code or token, injected into the thief's own flow."""
    stolen = visitor.leave("google", MALLORY)["code"]
    query = visitor.leave("google", OLGA)
    with pytest.raises(CoreError) as caught:
        visitor.come_back("google", {**query, "code": stolen})
    assert isinstance(caught.value, OAuthFlowRefused | OAuthProofRefused)


@pytest.mark.parametrize(
    "claims", [{"tid": "11111111-1111-4111-8111-111111111111"}, {"tid": None}, {"tid": "../../x"}], ids=str
)
def test_a_microsoft_issuer_must_fit_the_tokens_tenant(
    visitor: Visitor, microsoft: FakeOpenId, claims: Claims
) -> None:
    microsoft.change = changed(**claims)
    with pytest.raises(OAuthProofRefused):
        visitor.sign_in("microsoft")


def test_a_microsoft_identity_has_the_issuer_of_its_tenant(visitor: Visitor, microsoft: FakeOpenId) -> None:
    olga = visitor.sign_in("microsoft")
    assert visitor.identity(olga).issuer == f"{microsoft.url}/{TENANT}/v2.0"


def test_a_provider_cannot_speak_for_another_one(visitor: Visitor, google: FakeOpenId) -> None:
    google.change_metadata = changed(issuer="https://accounts.google.com")
    with pytest.raises(OAuthProviderFailed):
        visitor.leave("google")


def test_what_the_id_token_leaves_out_is_asked_of_the_userinfo(visitor: Visitor, google: FakeOpenId) -> None:
    google.change = changed(email=None, email_verified=None, name=None)
    google.userinfo = {"sub": OLGA.subject, "email": OLGA.email, "email_verified": True, "name": "Olga", "iss": "x"}
    assert visitor.sign_in("google").name == "Olga"
    google.userinfo = {**google.userinfo, "sub": MALLORY.subject}
    with pytest.raises(OAuthProofRefused):
        visitor.sign_in("google")


@pytest.mark.parametrize("issuer", ["", "https://evil.example"])
def test_a_provider_that_names_itself_must_name_itself(visitor: Visitor, google: FakeOpenId, issuer: str) -> None:
    google.change_metadata = changed(authorization_response_iss_parameter_supported=True)
    google.extra_answer = {"iss": google.url}
    assert visitor.sign_in("google").email == OLGA.email
    google.extra_answer = {"iss": issuer} if issuer else {}
    with pytest.raises(OAuthProofRefused):
        visitor.sign_in("google")


def test_declining_and_other_errors_are_told_apart(visitor: Visitor) -> None:
    for error, kind in (("access_denied", OAuthDeclined), ("server_error", OAuthProviderFailed)):
        query = {**visitor.leave("google"), "error": error}
        with pytest.raises(kind):
            visitor.come_back("google", query)
    with pytest.raises(OAuthProviderFailed):
        visitor.come_back("google", {**visitor.leave("google"), "code": ""})


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize("fault", ["down", "slow", "garbage"])
def test_a_broken_provider_is_one_sentence(
    visitor: Visitor, google: FakeOpenId, path: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = visitor.leave("google")
    forget_what_is_kept(visitor.core)
    google.faults = {path: fault}
    with monkeypatch.context() as patch:
        patch.setattr(reach, "CALL_SECONDS", 0.5 if fault == "slow" else 30.0)
        with pytest.raises(OAuthProviderFailed) as caught:
            visitor.come_back("google", query)
    assert "canary-of-the-provider" not in caught.value.sentence
    google.faults = {}
    assert visitor.sign_in("google").email == OLGA.email  # a failure is not kept


def test_a_provider_that_may_not_be_reached_is_one_sentence(settings: Settings, core: Core) -> None:
    strict = build_core(settings.model_copy(update={"endpoint_allowlist": ""}))
    with pytest.raises(OAuthProviderFailed):
        strict.oauth.begin(None, "google", BROWSER, REDIRECT, "/")
    strict.close()


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://10.0.0.1/authorize", "file:///etc/passwd", "x"])
def test_the_browser_is_sent_to_no_odd_address(visitor: Visitor, google: FakeOpenId, address: str) -> None:
    google.change_metadata = changed(authorization_endpoint=address)
    with pytest.raises(OAuthProviderFailed):
        visitor.leave("google")


# --- accepting an invitation ----------------------------------------------------------------------


@pytest.fixture
def admin(core: Core) -> User:
    return core.accounts.create_user("admin@example.com", "Admin", PASSWORD, "admin")


def invite(core: Core, admin: User, email: str = OLGA.email) -> str:
    at = clock.now()
    link = MailLink("invitation", email, at + timedelta(days=7), None, "manager", "hr", admin.id)
    with core.db.transaction() as connection:
        return core.mail_links._write(connection, link, at)


@pytest.mark.parametrize("provider", ["google", "microsoft", "github"])
@pytest.mark.parametrize("mode", ["invite", "open"])
def test_olga_accepts_an_invitation_with_a_provider(
    settings: Settings, core: Core, visitor: Visitor, admin: User, provider: str, mode: str
) -> None:
    visitor.core = build_core(settings.model_copy(update={"registration": mode}))
    token = invite(core, admin)
    shouting = replace(OLGA, email="Olga@Example.com")
    olga = visitor.accept(provider, token, shouting)
    assert (olga.email, olga.name, olga.role, olga.department) == (OLGA.email, OLGA.name, "manager", "hr")
    assert core.oauth.list(olga)[0].provider == provider
    assert core.mail_links.verified_at(olga) is not None
    assert not core.accounts.has_password(olga)
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(token)  # used once
    with pytest.raises(LinkRefused):
        visitor.accept("google", token, MALLORY)
    assert visitor.sign_in(provider) == olga
    visitor.core.close()


@pytest.mark.parametrize(
    ("account", "refusal"),
    [
        (MALLORY, OAuthOtherAddress),
        (replace(OLGA, email="olga@example.com.evil.example"), OAuthOtherAddress),
        (replace(OLGA, verified=False), OAuthEmailUnverified),
        (replace(OLGA, email=""), OAuthEmailUnverified),
    ],
    ids=["another", "longer", "unverified", "none"],
)
def test_another_or_an_unverified_address_leaves_the_invitation_good(
    core: Core, visitor: Visitor, admin: User, account: Account, refusal: type[CoreError]
) -> None:
    token = invite(core, admin)
    people = count_users(core)
    with pytest.raises(refusal):
        visitor.accept("google", token, account)
    assert count_users(core) == people
    assert core.mail_links.invitation(token).email == OLGA.email
    assert visitor.accept("google", token).role == "manager"


def test_an_identity_that_somebody_has_accepts_no_invitation(core: Core, visitor: Visitor, admin: User) -> None:
    """Charlie's account there got Olga's address: it opens Charlie's account, never a second one."""
    charlie = visitor.sign_in("google", replace(OLGA, email="charlie@example.com"))
    token = invite(core, admin)
    with pytest.raises(OAuthIdentityTaken):
        visitor.accept("google", token)
    assert core.mail_links.invitation(token).email == OLGA.email
    assert visitor.sign_in("google") == charlie


def test_an_invited_address_that_has_an_account_by_now_is_refused(
    core: Core, visitor: Visitor, admin: User
) -> None:
    token = invite(core, admin)
    olga = core.accounts.create_user(OLGA.email, "Olga", PASSWORD, "member")
    with pytest.raises(OAuthAccountExists):
        visitor.accept("google", token)
    suspend(core, olga)
    with pytest.raises(OAuthSuspended):
        visitor.accept("google", token)


def test_where_registration_is_closed_an_invitation_is_refused(
    settings: Settings, core: Core, visitor: Visitor, admin: User
) -> None:
    token = invite(core, admin)
    visitor.core = build_core(settings.model_copy(update={"registration": "closed"}))
    with pytest.raises(RegistrationClosed):
        visitor.accept("google", token)
    visitor.core.close()
    assert core.mail_links.invitation(token).email == OLGA.email


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 5000, "\ud800"])
def test_a_made_up_invitation_is_refused(core: Core, visitor: Visitor, token: str) -> None:
    with pytest.raises(LinkRefused):
        visitor.accept("google", token)
    assert count_users(core) == 0


def test_an_invitation_is_accepted_once_of_many_at_once(core: Core, visitor: Visitor, admin: User) -> None:
    token = invite(core, admin)
    queries = [visitor.leave("google") for _ in range(4)]
    barrier = Barrier(4)

    def come_back(query: dict[str, str]) -> str:
        barrier.wait()
        try:
            return visitor.come_back("google", query, invitation=token).id
        except CoreError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(come_back, queries))
    assert len([outcome for outcome in outcomes if outcome.startswith("user_")]) == 1
    assert count_users(core) == 2


# --- connecting and disconnecting ---------------------------------------------------------------


def test_alice_connects_an_account_and_signs_in_with_it(core: Core, cast: Cast, visitor: Visitor) -> None:
    odd = Account("77", "alice@private.example", verified=False)
    assert visitor.sign_in("github", odd, cast.alice) == cast.alice
    assert visitor.sign_in("github", odd) == cast.alice
    assert visitor.identity(cast.alice).email == "alice@private.example"
    assert core.oauth.list(cast.charlie) == []
    assert actions(core) == [("oauth.linked", "ok"), ("oauth.signed_in", "ok")]


def test_connecting_twice_keeps_one(core: Core, cast: Cast, visitor: Visitor) -> None:
    visitor.sign_in("google", actor=cast.alice)
    visitor.sign_in("google", actor=cast.alice)
    assert visitor.identity(cast.alice).token_version == 2


def test_an_account_of_somebody_else_is_not_connected(core: Core, cast: Cast, visitor: Visitor) -> None:
    visitor.sign_in("google", actor=cast.alice)
    with pytest.raises(OAuthIdentityTaken):
        visitor.sign_in("google", actor=cast.charlie)
    assert core.oauth.list(cast.charlie) == []
    assert visitor.sign_in("google") == cast.alice


def test_a_connection_begun_by_alice_is_not_finished_by_another(core: Core, cast: Cast, visitor: Visitor) -> None:
    for actor in (None, cast.charlie):
        query = visitor.leave("google", actor=cast.alice)
        with pytest.raises(OAuthFlowRefused):
            visitor.come_back("google", query, actor)
    assert core.oauth.list(cast.alice) == core.oauth.list(cast.charlie) == []


def test_a_suspended_person_connects_nothing(core: Core, cast: Cast, visitor: Visitor) -> None:
    query = visitor.leave("google", actor=cast.alice)
    suspend(core, cast.alice)
    with pytest.raises(OAuthSuspended):
        visitor.come_back("google", query, cast.alice)


@pytest.mark.parametrize("provider", ["google", "github"])
def test_alice_disconnects_and_the_tokens_end_at_the_provider(
    core: Core, cast: Cast, visitor: Visitor, provider: str
) -> None:
    visitor.sign_in(provider, actor=cast.alice)
    core.oauth.disconnect(cast.alice, visitor.identity(cast.alice).id)
    assert core.oauth.list(cast.alice) == []
    fake = visitor.fakes[provider]
    assert fake.revoked == fake.handed_out[-1:]
    assert actions(core)[-2:] == [("oauth.disconnected", "ok"), ("oauth.revoked", "ok")]


@pytest.mark.parametrize("fault", ["down", "slow", "refused"])
def test_a_failed_revocation_does_not_keep_the_connection(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.sign_in("google", actor=cast.alice)
    monkeypatch.setattr(reach, "CALL_SECONDS", 0.5)
    google.faults = {"/revoke": fault}
    core.oauth.disconnect(cast.alice, visitor.identity(cast.alice).id)
    assert core.oauth.list(cast.alice) == []
    assert actions(core)[-1] == ("oauth.revoked", "oauth_provider")


def test_a_provider_without_revocation_is_no_hindrance(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId
) -> None:
    google.change_metadata = changed(revocation_endpoint=None)
    visitor.sign_in("google", actor=cast.alice)
    core.oauth.disconnect(cast.alice, visitor.identity(cast.alice).id)
    assert actions(core)[-1] == ("oauth.revoked", "not_offered")


def test_the_last_way_in_stays(core: Core, visitor: Visitor) -> None:
    olga = visitor.sign_in("google")
    with pytest.raises(Conflict, match="only way to sign in"):
        core.oauth.disconnect(olga, visitor.identity(olga).id)
    visitor.sign_in("github", actor=olga)
    first, second = core.oauth.list(olga)
    core.oauth.disconnect(olga, first.id)
    with pytest.raises(Conflict):
        core.oauth.disconnect(olga, second.id)


def test_the_last_two_ways_in_do_not_go_at_once(core: Core, visitor: Visitor) -> None:
    olga = visitor.sign_in("google")
    visitor.sign_in("github", actor=olga)
    both = core.oauth.list(olga)
    barrier = Barrier(2)

    def disconnect(identity: Identity) -> str:
        barrier.wait()
        try:
            core.oauth.disconnect(olga, identity.id)
        except CoreError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(disconnect, both)) == ["conflict", "ok"]
    assert len(core.oauth.list(olga)) == 1


def test_a_stranger_neither_disconnects_nor_uses_a_connection(core: Core, cast: Cast, visitor: Visitor) -> None:
    visitor.sign_in("google", actor=cast.alice)
    identity = visitor.identity(cast.alice)
    for call in (core.oauth.disconnect, core.oauth.fresh_token, core.oauth.check_connection):
        with pytest.raises(NotFound):
            call(cast.charlie, identity.id)
        with pytest.raises(NotFound):
            call(cast.alice, "ident_0")
    assert core.oauth.list(cast.alice) == [identity]


# --- tokens -------------------------------------------------------------------------------------


def test_a_token_that_is_good_is_used_as_it_is(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId
) -> None:
    visitor.sign_in("google", actor=cast.alice)
    calls = len(google.calls)
    token = core.oauth.fresh_token(cast.alice, visitor.identity(cast.alice).id)
    assert token.get_secret_value() == google.handed_out[0]
    assert len(google.calls) == calls


def test_an_expired_token_is_renewed(core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId) -> None:
    google.life_seconds = 30
    visitor.sign_in("google", actor=cast.alice)
    google.life_seconds = 3600
    identity = visitor.identity(cast.alice)
    token = core.oauth.fresh_token(cast.alice, identity.id)
    assert token.get_secret_value() == google.handed_out[2]
    assert core.oauth.fresh_token(cast.alice, identity.id) == token
    assert visitor.identity(cast.alice).token_version == identity.token_version + 1
    assert actions(core)[-1] == ("oauth.refreshed", "ok")


@pytest.mark.parametrize("provider", ["google", "microsoft", "github"])
def test_a_connection_that_still_holds_is_said_to(core: Core, cast: Cast, visitor: Visitor, provider: str) -> None:
    visitor.sign_in(provider, actor=cast.alice)
    core.oauth.check_connection(cast.alice, visitor.identity(cast.alice).id)
    visitor.fakes[provider].access.clear()  # ended there
    with pytest.raises(OAuthExpired):
        core.oauth.check_connection(cast.alice, visitor.identity(cast.alice).id)


def test_checking_a_connection_renews_a_token_that_has_run_out(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId
) -> None:
    google.life_seconds = 0
    visitor.sign_in("google", actor=cast.alice)
    google.life_seconds = 3600
    identity = visitor.identity(cast.alice)
    core.oauth.check_connection(cast.alice, identity.id)
    assert visitor.identity(cast.alice).token_version == identity.token_version + 1
    assert actions(core)[-1] == ("oauth.refreshed", "ok")


def test_a_provider_that_gives_no_answer_is_not_an_end(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId
) -> None:
    visitor.sign_in("google", actor=cast.alice)
    google.faults = {"/userinfo": "down"}
    with pytest.raises(OAuthProviderFailed):
        core.oauth.check_connection(cast.alice, visitor.identity(cast.alice).id)


def test_a_refresh_token_that_is_not_sent_again_is_kept(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId
) -> None:
    google.life_seconds = 30
    visitor.sign_in("google", actor=cast.alice)
    google.sends_refresh = False
    visitor.sign_in("google")
    google.life_seconds = 3600
    token = core.oauth.fresh_token(cast.alice, visitor.identity(cast.alice).id)
    assert token.get_secret_value() == google.handed_out[-1]


def test_a_connection_that_cannot_be_renewed_says_so(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId
) -> None:
    google.life_seconds = 0
    visitor.sign_in("google", actor=cast.alice)
    identity = visitor.identity(cast.alice)
    google.refreshes.clear()
    with pytest.raises(OAuthExpired):
        core.oauth.fresh_token(cast.alice, identity.id)
    google.faults = {"/token": "down"}
    with pytest.raises(OAuthProviderFailed):
        core.oauth.fresh_token(cast.alice, identity.id)


def test_a_token_without_a_refresh_token_ends(core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId) -> None:
    google.life_seconds, google.sends_refresh = 0, False
    visitor.sign_in("google", actor=cast.alice)
    with pytest.raises(OAuthExpired):
        core.oauth.fresh_token(cast.alice, visitor.identity(cast.alice).id)


def test_two_renewals_at_once_store_one_and_agree(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.life_seconds = 0
    visitor.sign_in("google", actor=cast.alice)
    google.life_seconds = 3600
    google.refreshes = _Everlasting(google.refreshes)
    identity = visitor.identity(cast.alice)
    barrier, refresh = Barrier(2), GOOGLE.refresh

    def both_at_once(*args: Any) -> Any:
        renewed = refresh(*args)
        barrier.wait()
        return renewed

    monkeypatch.setattr(GOOGLE, "refresh", both_at_once)
    with ThreadPoolExecutor(2) as pool:
        found = {
            token.get_secret_value()
            for token in pool.map(lambda _: core.oauth.fresh_token(cast.alice, identity.id), range(2))
        }
    assert len(found) == 1
    assert visitor.identity(cast.alice).token_version == 2
    assert actions(core).count(("oauth.refreshed", "ok")) == 1


def test_a_refresh_token_that_somebody_else_has_just_used_is_no_end(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    google.life_seconds = 0
    visitor.sign_in("google", actor=cast.alice)
    google.life_seconds = 3600
    identity = visitor.identity(cast.alice)
    refresh, earlier = GOOGLE.refresh, []

    def after_another(*args: Any) -> Any:
        monkeypatch.setattr(GOOGLE, "refresh", refresh)
        earlier.append(core.oauth.fresh_token(cast.alice, identity.id))
        return refresh(*args)

    monkeypatch.setattr(GOOGLE, "refresh", after_another)
    assert core.oauth.fresh_token(cast.alice, identity.id) == earlier[0]
    assert visitor.identity(cast.alice).token_version == 2


class _Everlasting(dict[str, Any]):
    """Refresh tokens that are not used up."""

    def pop(self, key: str, *_: Any) -> Any:  # type: ignore[override]
        return self.get(key)


def test_no_column_holds_a_token_a_verifier_or_a_state_in_words(
    core: Core, cast: Cast, visitor: Visitor, google: FakeOpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifiers: list[str] = []
    exchange = GOOGLE.exchange
    monkeypatch.setattr(
        GOOGLE,
        "exchange",
        lambda channel, code, verifier, to: (verifiers.append(verifier), exchange(channel, code, verifier, to))[1],
    )
    query = visitor.leave("google", actor=cast.alice)
    visitor.come_back("google", query, cast.alice)
    visitor.leave("github")
    identity = visitor.identity(cast.alice)
    needles = [*google.handed_out, query["state"], query["code"], *verifiers, "zoark-client-secret"]
    assert len(needles) == 6
    with core.db.read() as connection:
        values = [
            value for table in metadata.sorted_tables for row in connection.execute(select(table)) for value in row
        ]
    text, blobs = (
        str([v for v in values if not isinstance(v, bytes)]),
        b"".join(v for v in values if isinstance(v, bytes)),
    )
    for needle in needles:
        assert needle not in text + repr(identity)
        assert needle.encode() not in blobs


def test_tokens_that_were_moved_to_another_row_do_not_open(core: Core, cast: Cast, visitor: Visitor) -> None:
    visitor.sign_in("google", actor=cast.alice)
    visitor.sign_in("google", MALLORY, cast.charlie)
    mine, his = visitor.identity(cast.alice), visitor.identity(cast.charlie)
    with core.db.transaction() as connection:
        stolen = connection.execute(select(identities.c.token_sealed).where(identities.c.id == mine.id)).scalar()
        connection.execute(update(identities).where(identities.c.id == his.id).values(token_sealed=stolen))
    with pytest.raises(CoreError) as caught:
        core.oauth.fresh_token(cast.charlie, his.id)
    assert caught.value.code == "secret_unreadable"
    core.oauth.disconnect(cast.charlie, his.id)  # and they are no hindrance
    assert core.oauth.list(cast.charlie) == []
