"""The browser's way to a provider and back: into a session, or with a notice that is ours, never the provider's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pyotp
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from app import runtime
from app.http import secret
from app.http.cookie import XSRF_COOKIE, browser_in, half_in, invitation_in
from app.ui import providers
from core import clock
from core.accounts.models import MailLink, User
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.db.tables import audit_log, users
from core.errors import SecondStepOver
from core.oauth.failures import OAuthError
from core.oauth.registry import all_providers
from core.oauth.service import AT_ONCE
from tests.api.conftest import Browser, MakeClient
from tests.conftest import PASSWORD
from tests.fakes.oauth_server import OLGA, Account
from tests.fakes.openid import FakeOpenId
from tests.support.oauth_stage import settings_of
from tests.support.stopped_clock import StoppedClock

NEXT = "/run?id=run_1"


@pytest.fixture
def with_settings(
    api_core: Core, google: FakeOpenId, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Core]]:
    """Give the process a core with Google at its fake and further settings."""
    built: list[Core] = []

    def build(**further: str) -> Core:
        chosen = {
            "ZOARK_REGISTRATION": "open",
            "ZOARK_ENDPOINT_ALLOWLIST": f"127.0.0.1:{google.port}",
            **settings_of("google", google),
            **further,
        }
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
        built.append(build_core(load_settings()))
        monkeypatch.setattr(runtime._process, "core", built[-1])
        return built[-1]

    yield build
    for core in built:
        core.close()


@pytest.fixture
def core(with_settings: Callable[..., Core]) -> Core:
    return with_settings()


@pytest.fixture
def olga(core: Core, client: TestClient) -> Browser:
    """A browser on the sign-in page."""
    return Browser(core, client)


def leave(browser: Browser, path: str = f"/oauth/google/start?next={NEXT}", **headers: str) -> str:
    answer = browser.client.get(path, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.headers["location"])


def come_back(browser: Browser, query: dict[str, str], provider: str = "google") -> str:
    answer = browser.client.get(f"/oauth/{provider}/callback", params=query)
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    return str(answer.headers["location"])


def sign_in(
    browser: Browser, google: FakeOpenId, account: Account = OLGA, path: str = "/oauth/google/start"
) -> str:
    return come_back(browser, google.visit(leave(browser, path), account))


def test_a_visitor_signs_up_and_lands_where_they_wanted(olga: Browser, google: FakeOpenId) -> None:
    assert sign_in(olga, google, path=f"/oauth/google/start?next={NEXT}") == NEXT
    assert olga.user is not None
    assert olga.user.email == OLGA.email


def test_the_session_of_before_is_ended(olga: Browser, google: FakeOpenId, charlie: User) -> None:
    earlier = olga.sign_in(charlie)
    sign_in(olga, google)
    assert olga.core.accounts.session_user(earlier) is None
    assert olga.user is not None
    assert olga.user.email == OLGA.email


def with_second_factor(core: Core, user: User) -> pyotp.TOTP:
    """Turn it on and let the present code be good once more."""
    totp = pyotp.TOTP(core.two_factor.begin(user.proven(clock.now())).text.replace(" ", ""))
    core.two_factor.enable(user.proven(clock.now()), totp.now())
    with core.db.transaction() as connection:
        connection.execute(update(users).values(totp_last_step=None))
    return totp


def half_of(browser: Browser) -> str:
    return half_in(browser.client.cookies, secret.cookie_secret()) or ""


def test_who_has_a_second_factor_gets_no_session_before_the_code(olga: Browser, google: FakeOpenId) -> None:
    sign_in(olga, google)
    assert olga.user is not None
    totp = with_second_factor(olga.core, olga.user)
    before = olga.token
    assert sign_in(olga, google, path=f"/oauth/google/start?next={NEXT}") == NEXT
    assert olga.token is None
    assert olga.core.accounts.session_user(before) is None  # nor does the session of before go on
    assert half_of(olga)
    browser = browser_in(olga.client.cookies) or ""
    assert olga.core.two_factor.is_sign_in_begun(half_of(olga), browser)
    with pytest.raises(SecondStepOver):
        olga.core.two_factor.finish_sign_in(half_of(olga), "browser of mallory", totp.now())
    user = olga.core.two_factor.finish_sign_in(half_of(olga), browser, totp.now())
    olga.sign_in(user)
    assert olga.user == user
    assert half_of(olga) == ""


def test_a_half_sign_in_is_no_session_and_no_ticket(olga: Browser, google: FakeOpenId) -> None:
    sign_in(olga, google)
    assert olga.user is not None
    with_second_factor(olga.core, olga.user)
    sign_in(olga, google)
    half = half_of(olga)
    assert olga.core.accounts.session_user(half) is None
    assert olga.redeem(half).headers["location"] == "/?notice=ticket"
    assert leave(olga, "/oauth/google/start?link=1") == "/connections"  # not signed in: nothing to connect to


def test_connecting_an_account_asks_for_no_code(olga: Browser, google: FakeOpenId, alice: User) -> None:
    with_second_factor(olga.core, alice)
    token = olga.sign_in(alice)
    assert sign_in(olga, google, path="/oauth/google/start?link=1") == "/connections?notice=oauth_linked.google"
    assert olga.token == token
    assert half_of(olga) == ""


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/oauth/google/start", "/\\evil", ""])
def test_the_way_on_stays_here(olga: Browser, google: FakeOpenId, path: str) -> None:
    assert sign_in(olga, google, path=f"/oauth/google/start?next={path}") == "/"


def test_the_redirect_address_is_the_visited_one(olga: Browser) -> None:
    query = parse_qs(urlsplit(leave(olga)).query)
    assert query["redirect_uri"] == ["http://testserver/oauth/google/callback"]


def test_the_redirect_address_follows_the_proxys_scheme(core: Core, make_client: MakeClient) -> None:
    browser = Browser(core, make_client(ZOARK_TRUST_PROXY="true"))
    query = parse_qs(urlsplit(leave(browser, **{"x-forwarded-proto": "https"})).query)
    assert query["redirect_uri"] == ["https://testserver/oauth/google/callback"]


def test_the_redirect_address_is_the_public_one_that_is_set(
    with_settings: Callable[..., Core], make_client: MakeClient, google: FakeOpenId
) -> None:
    core = with_settings(ZOARK_BASE_URL="https://zoark.example.com/")
    browser = Browser(core, make_client())
    url = leave(browser)
    assert parse_qs(urlsplit(url).query)["redirect_uri"] == ["https://zoark.example.com/oauth/google/callback"]
    assert come_back(browser, google.visit(url)) == NEXT


def test_a_browser_without_its_cookie_is_sent_to_the_sign_in_page(olga: Browser) -> None:
    olga.client.cookies.delete(XSRF_COOKIE)
    assert leave(olga, "/oauth/google/start") == "/?notice=oauth_flow.google"


def test_another_browser_cannot_come_back_with_it(
    olga: Browser, core: Core, google: FakeOpenId, make_client: MakeClient
) -> None:
    """Login CSRF: a link that signs somebody in as the attacker."""
    query = google.visit(leave(olga))
    mallory = Browser(core, make_client())
    assert come_back(mallory, query) == "/?notice=oauth_flow.google"
    assert mallory.user is None
    assert come_back(olga, query) == NEXT


def test_coming_back_twice_is_refused(olga: Browser, google: FakeOpenId) -> None:
    query = google.visit(leave(olga))
    assert come_back(olga, query) == NEXT
    token = olga.token
    assert come_back(olga, query) == "/?notice=oauth_flow.google"
    assert olga.token == token


@pytest.mark.parametrize("query", [{}, {"state": "x"}, {"code": "x"}, {"state": "é" * 3000, "code": "x"}])
def test_coming_from_nowhere_is_refused(olga: Browser, query: dict[str, str]) -> None:
    assert come_back(olga, query) == "/?notice=oauth_flow.google"
    assert olga.user is None


@pytest.mark.parametrize("provider", ["github", "oidc", "myspace", "a%20b"])
def test_a_provider_that_is_not_set_up_is_not_found(olga: Browser, provider: str) -> None:
    assert olga.client.get(f"/oauth/{provider}/start").status_code == 404
    assert olga.client.get(f"/oauth/{provider}/callback?state=x").status_code == 404


def test_a_refusal_comes_back_to_the_page_that_was_wanted(olga: Browser, google: FakeOpenId) -> None:
    unverified = Account("5", "x@example.com", verified=False)
    query = google.visit(leave(olga), unverified)
    assert come_back(olga, query) == f"{NEXT}&notice=oauth_unverified.google"
    assert olga.user is None


def test_what_the_provider_writes_is_never_shown(olga: Browser, google: FakeOpenId) -> None:
    google.faults = {"/.well-known/openid-configuration": "garbage"}
    assert leave(olga) == f"{NEXT}&notice=oauth_provider.google"
    google.faults = {}
    state = dict(parse_qsl(urlsplit(leave(olga)).query))["state"]
    back = come_back(olga, {"state": state, "error": "canary", "error_description": "canary"})
    assert back == f"{NEXT}&notice=oauth_provider.google"


def test_alice_connects_an_account(olga: Browser, google: FakeOpenId, alice: User) -> None:
    token = olga.sign_in(alice)
    back = sign_in(olga, google, path="/oauth/google/start?link=1&next=/runs")
    assert back == "/connections?notice=oauth_linked.google"
    assert olga.token == token  # the same session
    (identity,) = olga.core.oauth.list(alice)
    assert identity.email == OLGA.email


def test_connecting_without_a_session_leads_to_the_sign_in(olga: Browser) -> None:
    assert leave(olga, "/oauth/google/start?link=1") == "/connections"


def test_a_connection_is_not_finished_after_signing_out(olga: Browser, google: FakeOpenId, alice: User) -> None:
    olga.sign_in(alice)
    query = google.visit(leave(olga, "/oauth/google/start?link=1"))
    olga.client.get("/session/logout")
    assert come_back(olga, query) == "/connections?notice=oauth_flow.google"
    assert olga.core.oauth.list(alice) == []
    assert olga.user is None


def test_a_connection_that_alice_began_is_not_charlies(
    olga: Browser, google: FakeOpenId, alice: User, charlie: User
) -> None:
    olga.sign_in(alice)
    query = google.visit(leave(olga, "/oauth/google/start?link=1"))
    olga.sign_in(charlie)
    assert come_back(olga, query) == "/connections?notice=oauth_flow.google"
    assert olga.core.oauth.list(alice) == olga.core.oauth.list(charlie) == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_cannot_have_alice_connect_an_account(olga: Browser, alice: User, site: str) -> None:
    olga.sign_in(alice)
    answer = olga.client.get("/oauth/google/start?link=1", headers={"sec-fetch-site": site})
    assert answer.status_code == 403


def test_a_foreign_account_is_not_connected(olga: Browser, google: FakeOpenId, alice: User) -> None:
    sign_in(olga, google)
    olga.sign_in(alice)
    back = sign_in(olga, google, path="/oauth/google/start?link=1")
    assert back == "/connections?notice=oauth_identity_taken.google"


def test_connecting_asks_for_a_recent_proof(olga: Browser, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    olga.sign_in(alice)
    time.advance(minutes=11)
    assert leave(olga, "/oauth/google/start?link=1") == "/connections?notice=step_up_required.google"


def invite(core: Core, email: str = OLGA.email) -> str:
    admin = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    at = clock.now()
    link = MailLink("invitation", email, at + timedelta(days=7), None, "manager", "hr", admin.id)
    with core.db.transaction() as connection:
        return core.mail_links._write(connection, link, at)


def pending_invitation(browser: Browser) -> str:
    return invitation_in(browser.client.cookies, secret.cookie_secret())


def test_olga_accepts_an_invitation(
    with_settings: Callable[..., Core], make_client: MakeClient, google: FakeOpenId
) -> None:
    core = with_settings(ZOARK_REGISTRATION="invite")
    olga, token = Browser(core, make_client()), invite(core)
    url = leave(olga, f"/oauth/google/start?invitation={token}")
    assert token not in url  # it never goes to the provider
    assert come_back(olga, google.visit(url)) == "/"
    assert olga.user is not None
    assert (olga.user.email, olga.user.role, olga.user.department) == (OLGA.email, "manager", "hr")
    assert pending_invitation(olga) == ""


def test_a_refusal_leads_back_to_the_invitation_which_is_still_good(olga: Browser, google: FakeOpenId) -> None:
    token = invite(olga.core, "dora@example.com")
    start = f"/oauth/google/start?invitation={token}"
    assert sign_in(olga, google, path=start) == "/invitation?notice=oauth_other_address.google"
    assert olga.user is None
    assert pending_invitation(olga) == token
    assert sign_in(olga, google, Account("9", "dora@example.com"), start) == "/"
    assert olga.user is not None
    assert olga.user.role == "manager"


def test_an_invitation_belongs_to_the_sign_in_that_it_began(olga: Browser, google: FakeOpenId) -> None:
    """Olga leaves an invitation aside and signs up in another tab: the invitation is not used."""
    token = invite(olga.core)
    leave(olga, f"/oauth/google/start?invitation={token}")
    assert sign_in(olga, google) == "/"
    assert olga.user is not None
    assert olga.user.role == "member"
    query = google.visit(leave(olga))
    leave(olga, f"/oauth/google/start?invitation={token}")
    assert come_back(olga, query) == NEXT  # the older sign-in knows of no invitation


def test_a_pending_invitation_is_forgotten_after_ten_minutes(
    olga: Browser, google: FakeOpenId, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    token = invite(olga.core)
    leave(olga, f"/oauth/google/start?invitation={token}")
    assert pending_invitation(olga) == token
    time.advance(minutes=10, seconds=1)
    assert pending_invitation(olga) == ""


def test_a_made_up_invitation_is_refused(olga: Browser, google: FakeOpenId) -> None:
    for made_up in ("x", "x" * 3000, "a.b.c"):
        back = sign_in(olga, google, path=f"/oauth/google/start?invitation={made_up}")
        assert back == "/invitation?notice=link_refused.google"
        assert olga.user is None


def audited(core: Core) -> list[str]:
    with core.db.read() as connection:
        rows = connection.execute(select(audit_log).where(audit_log.c.action == "oauth.refused")).all()
    return [row.result for row in rows]


def test_too_many_starts_of_one_address_get_a_plain_page(olga: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    for _ in range(AT_ONCE):
        leave(olga)
    answer = olga.client.get("/oauth/google/start")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "12"
    assert "Too many tries. Please wait 12 s before the next one." in answer.text
    assert "<a href='/'>" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    time.advance(seconds=12)
    leave(olga)


def test_another_address_is_not_held_up(
    olga: Browser, core: Core, make_client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    for _ in range(AT_ONCE):
        leave(olga)
    assert olga.client.get("/oauth/google/start").status_code == 429
    elsewhere = Browser(core, make_client(ZOARK_TRUST_PROXY="true"))
    leave(elsewhere, **{"x-forwarded-for": "203.0.113.7"})


def test_junk_at_the_callback_is_limited_and_writes_no_audit(
    olga: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    StoppedClock(monkeypatch)
    for number in range(AT_ONCE):
        assert come_back(olga, {"state": f"junk-{number}", "code": "x"}) == "/?notice=oauth_flow.google"
    assert olga.client.get("/oauth/google/callback?state=junk").status_code == 429
    assert audited(olga.core) == []


def test_a_refusal_of_a_flow_that_we_began_is_audited(
    olga: Browser, core: Core, google: FakeOpenId, make_client: MakeClient
) -> None:
    query = google.visit(leave(olga))
    come_back(Browser(core, make_client()), query)  # another browser
    come_back(olga, query)
    come_back(olga, query)  # twice
    assert audited(core) == ["oauth_flow", "oauth_flow"]


def test_every_refusal_has_a_sentence_for_every_provider() -> None:
    codes = [error.code for error in OAuthError.__subclasses__()]
    for code in [*codes, "oauth_linked", "registration_closed", "step_up_required", "link_refused"]:
        for name in all_providers():
            sentence = providers.notice(f"{code}.{name}")
            assert sentence
            assert "{" not in sentence
    for wrong in ("", "oauth_flow", "oauth_flow.", "oauth_flow.<b>", ".google", "x.google", "oauth.google"):
        assert providers.notice(wrong) is None
