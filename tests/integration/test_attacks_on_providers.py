"""Attacks on the sign-in through providers, each twice: refused as it is, successful once its one guard is gone.

The twin proves that the first test would notice if the guard were lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pyotp
import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config
from streamlit.web.server.starlette.starlette_app import create_streamlit_middleware

from app import runtime
from app.http import oauth_routes, secret, server, session_routes
from core import clock
from core.accounts import provider_sign_in
from core.accounts import repository as people
from core.accounts.models import MailLink, User
from core.bootstrap import Core
from core.config import Settings, load_settings
from core.db.tables import oauth_flows, users
from core.errors import CoreError
from core.oauth import admission, openid, repository, service
from core.oauth.models import Answer
from core.oauth.openid import OpenIdProvider
from core.two_factor.service import TwoFactor
from tests.api.conftest import STREAMLITS_ROUTES, Browser
from tests.conftest import PASSWORD
from tests.fakes.oauth_server import OLGA, Account
from tests.fakes.openid import FakeOpenId
from tests.support.oauth_stage import settings_of

MASTER_KEYS = "1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
REDIRECT = "http://zoark.test/oauth/google/callback"
OLGAS, MALLORYS = "browser-of-olga", "browser-of-mallory"
MALLORY = Account("6666", "mallory@example.com", name="Mallory")

Patch = pytest.MonkeyPatch
Removal = Callable[[Patch], None]


@pytest.fixture
def settings(database_url: str, tmp_path: Path, google: FakeOpenId) -> Settings:
    return load_settings(
        DATABASE_URL=database_url,
        ZOARK_DATA_DIR=tmp_path,
        ZOARK_REGISTRATION="open",
        ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{google.port}",
        ZOARK_MASTER_KEYS=MASTER_KEYS,
        **settings_of("google", google),
    )


class Field:
    """Where attacks happen: our core and the provider."""

    def __init__(self, core: Core, google: FakeOpenId) -> None:
        self.core = core
        self.google = google

    def begin(self, browser: str = OLGAS, actor: User | None = None) -> str:
        return self.core.oauth.begin(actor, "google", browser, REDIRECT, "/")

    def come_back(
        self, query: dict[str, str], browser: str = OLGAS, actor: User | None = None, invitation: str = ""
    ) -> User:
        flow = self.core.oauth.take_flow("google", query["state"], browser)
        return self.core.oauth.finish(actor, flow, Answer(query["code"], "", "", REDIRECT, invitation))

    def sign_in(self, account: Account, actor: User | None = None, invitation: str = "") -> User:
        query = self.google.visit(self.begin(actor=actor), account)
        return self.come_back(query, actor=actor, invitation=invitation)

    def person(self, email: str, role: str = "member") -> User:
        return self.core.accounts.create_user(email, email.partition("@")[0], PASSWORD, role)  # type: ignore[arg-type]


@pytest.fixture
def field(core: Core, google: FakeOpenId) -> Field:
    return Field(core, google)


def without_condition(name: str) -> Removal:
    """Return what drops one condition of taking up a sign-in."""
    kept = repository._takeable

    def remove(patch: Patch) -> None:
        patch.setattr(repository, "_takeable", lambda *args: {k: v for k, v in kept(*args).items() if k != name})

    return remove


def attack(run: Callable[[], object]) -> str:
    """Return the code of the refusal, or ``success``."""
    try:
        run()
    except CoreError as error:
        return error.code
    return "success"


# --- each attack returns what came of it ---------------------------------------------------------


def replayed_state(field: Field) -> str:
    """A captured address of a callback is used a second time, with a fresh code."""
    url = field.begin()
    first, second = field.google.visit(url, OLGA), field.google.visit(url, OLGA)
    field.come_back(first)
    return attack(lambda: field.come_back(second))


def state_of_another_browser(field: Field) -> str:
    """Login CSRF: Olga opens Mallory's callback and would work, unknowingly, in Mallory's account."""
    query = field.google.visit(field.begin(MALLORYS), MALLORY)
    return attack(lambda: field.come_back(query, OLGAS))


def answer_of_another_provider(field: Field) -> str:
    """Mix-up: the state of a sign-in at one provider comes back at the address of another."""
    query = field.google.visit(field.begin(), OLGA)
    with field.core.db.transaction() as connection:
        connection.execute(update(oauth_flows).values(provider="github"))
    return attack(lambda: field.come_back(query))


def expired_flow(field: Field) -> str:
    """Somebody finds a sign-in that was begun long ago on a shared computer."""
    query = field.google.visit(field.begin(), OLGA)
    with field.core.db.transaction() as connection:
        connection.execute(update(oauth_flows).values(expires_at=clock.now() - timedelta(seconds=1)))
    return attack(lambda: field.come_back(query))


def wrong_nonce(field: Field) -> str:
    """An ID token that was made for another sign-in is injected into this one."""
    field.google.change = lambda claims: {**claims, "nonce": "of another sign-in"}
    return attack(lambda: field.sign_in(OLGA))


def unverified_email(field: Field) -> str:
    """Mallory writes Olga's address into an account at a provider that does not check it."""
    return attack(lambda: field.sign_in(replace(MALLORY, email=OLGA.email, verified=False)))


def account_pre_hijacking(field: Field) -> str:
    """Mallory registers with Olga's address and a password, and waits for Olga to sign in with Google."""
    mallorys = field.person(OLGA.email)
    outcome = attack(lambda: field.sign_in(OLGA))
    if outcome == "success":
        assert field.core.oauth.list(mallorys) != []  # Olga works in an account whose password Mallory knows
        assert field.core.accounts.authenticate(OLGA.email, PASSWORD) == mallorys
    return outcome


def identity_of_another(field: Field) -> str:
    """Mallory connects Olga's account at the provider, which is Olga's way in here."""
    olga = field.sign_in(OLGA)
    mallory = field.person("mallory@example.com")
    outcome = attack(lambda: field.sign_in(OLGA, mallory))
    if outcome == "success":
        (identity,) = field.core.oauth.list(olga)
        assert identity.token_version == 2  # Olga's tokens were replaced by those that Mallory brought
    return outcome


def connection_begun_by_another(field: Field) -> str:
    """A connection that Mallory began is finished by Olga, whose account would get Mallory's identity."""
    mallory, olga = field.person("mallory@example.com"), field.person("olga@work.example")
    query = field.google.visit(field.begin(actor=mallory), MALLORY)
    outcome = attack(lambda: field.come_back(query, actor=olga))
    if outcome == "success":
        assert field.sign_in(MALLORY) == olga  # Mallory is in
    return outcome


def invitation_of_another(field: Field) -> str:
    """Mallory has got hold of Olga's invitation and accepts it with an account of his own."""
    admin, at = field.person("root@example.com", "admin"), clock.now()
    link = MailLink("invitation", OLGA.email, at + timedelta(days=7), None, "admin", None, admin.id)
    with field.core.db.transaction() as connection:
        token = field.core.mail_links._write(connection, link, at)
    outcome = attack(lambda: field.sign_in(MALLORY, invitation=token))
    if outcome == "success":
        assert field.sign_in(MALLORY).is_admin
    return outcome


# --- each guard, removed -------------------------------------------------------------------------


def merge_by_address(patch: Patch) -> None:
    """Do what careless apps do: whoever has the address has the account."""
    patch.setattr(provider_sign_in, "address_state", lambda *_: "unknown")
    patch.setattr(provider_sign_in, "add_member", lambda c, email, _name: people.user_and_hash(c, email)[0])


ATTACKS: list[tuple[Callable[[Field], str], str, Removal]] = [
    (replayed_state, "oauth_flow", without_condition("replay")),
    (state_of_another_browser, "oauth_flow", without_condition("another browser")),
    (answer_of_another_provider, "oauth_flow", without_condition("mix-up")),
    (expired_flow, "oauth_flow", without_condition("expired")),
    (wrong_nonce, "oauth_proof", lambda patch: patch.setattr(openid, "_has_nonce", lambda *_: True)),
    (
        unverified_email,
        "oauth_unverified",
        lambda patch: patch.setattr(OpenIdProvider, "is_verified", lambda *_: True),
    ),
    (account_pre_hijacking, "oauth_account_exists", merge_by_address),
    (
        identity_of_another,
        "oauth_identity_taken",
        lambda patch: patch.setattr(service, "_is_of_another", lambda *_: False),
    ),
    (
        connection_begun_by_another,
        "oauth_flow",
        lambda patch: patch.setattr(service, "_is_begun_by", lambda *_: True),
    ),
    (
        invitation_of_another,
        "oauth_other_address",
        lambda patch: patch.setattr(admission, "_is_invited", lambda *_: True),
    ),
]
NAMES = [run.__name__ for run, _, _ in ATTACKS]


@pytest.mark.parametrize(("run", "code", "_remove"), ATTACKS, ids=NAMES)
def test_the_attack_is_refused(field: Field, run: Callable[[Field], str], code: str, _remove: Removal) -> None:
    assert run(field) == code


@pytest.mark.parametrize(("run", "_code", "remove"), ATTACKS, ids=NAMES)
def test_without_its_guard_the_attack_succeeds(
    field: Field, run: Callable[[Field], str], _code: str, remove: Removal, monkeypatch: Patch
) -> None:
    remove(monkeypatch)
    assert run(field) == "success"


# --- attacks on the way through the browser ------------------------------------------------------


@pytest.fixture
def olga(core: Core, settings: Settings, monkeypatch: Patch) -> Iterator[Browser]:
    """Olga's browser before our routes."""
    monkeypatch.setenv("ZOARK_MASTER_KEYS", MASTER_KEYS)
    monkeypatch.setenv("ZOARK_DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr(runtime._process, "core", core)
    secret.cookie_secret.cache_clear()
    before = config.get_option("server.cookieSecret")
    server.use_cookie_secret()
    routes = [*server.routes(), *STREAMLITS_ROUTES]
    app = Starlette(routes=routes, middleware=[*server.middleware(), *create_streamlit_middleware()])
    yield Browser(core, TestClient(app, follow_redirects=False))
    config.set_option("server.cookieSecret", before)
    secret.cookie_secret.cache_clear()


def way_through(browser: Browser, google: FakeOpenId, next_path: str = "/") -> str:
    """Sign in and return where the browser is sent in the end."""
    away = browser.client.get("/oauth/google/start", params={"next": next_path}).headers["location"]
    state = dict(parse_qsl(urlsplit(away).query))["state"]
    query = google.visit(away, OLGA)
    assert query["state"] == state
    return str(browser.client.get("/oauth/google/callback", params=query).headers["location"])


@pytest.mark.parametrize("site", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_next_never_leads_to_another_site(olga: Browser, google: FakeOpenId, site: str) -> None:
    assert way_through(olga, google, site) == "/"


@pytest.mark.parametrize("site", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_without_its_guard_next_leads_to_another_site(
    olga: Browser, google: FakeOpenId, site: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(oauth_routes, "safe_path", lambda path: path)
    monkeypatch.setattr(session_routes, "safe_path", lambda path: path)
    assert "evil.example" in way_through(olga, google, site)


def protect(core: Core, olga: Browser, google: FakeOpenId) -> None:
    """Let Olga sign up, turn two-factor sign-in on, and sign out."""
    way_through(olga, google)
    with core.db.read() as connection:
        row = connection.execute(select(users.c.id).where(users.c.email == OLGA.email)).one()
    user = core.accounts.user(row.id)
    assert user is not None
    user = user.proven(clock.now())
    core.two_factor.enable(user, pyotp.TOTP(core.two_factor.begin(user).text.replace(" ", "")).now())
    olga.client.get("/session/logout")
    assert olga.user is None


def test_a_stolen_account_at_the_provider_is_not_enough(core: Core, olga: Browser, google: FakeOpenId) -> None:
    protect(core, olga, google)
    way_through(olga, google)
    assert olga.user is None


def test_without_its_guard_a_stolen_account_at_the_provider_is_enough(
    core: Core, olga: Browser, google: FakeOpenId, monkeypatch: Patch
) -> None:
    protect(core, olga, google)
    monkeypatch.setattr(TwoFactor, "is_required", lambda *_: False)
    way_through(olga, google)
    assert olga.user is not None
