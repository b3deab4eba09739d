"""Connected accounts: what is connected and since when, the ways to connect and disconnect, and what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from app import navigation, runtime
from app.ui import sign_in
from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.errors import CoreError
from core.oauth import repository, tokens
from core.oauth.failures import OAuthExpired, OAuthProviderFailed
from core.oauth.models import Identity, Tokens
from tests.conftest import PASSWORD
from tests.pages.conftest import Visit

Visitor = Callable[..., Visit]


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two providers are set up; nobody answers there."""
    monkeypatch.setenv("ZOARK_OAUTH_GITHUB_CLIENT_ID", "id")
    monkeypatch.setenv("ZOARK_OAUTH_GITHUB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ZOARK_OAUTH_GITHUB_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ZOARK_OAUTH_OIDC_CLIENT_ID", "id")
    monkeypatch.setenv("ZOARK_OAUTH_OIDC_METADATA_URL", "http://127.0.0.1:9/.well-known/openid-configuration")


@pytest.fixture
def routes(page_core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime._process, "has_routes", True)


def connected(core: Core, user: User, email: str = "alice@private.example") -> Identity:
    at = clock.now()
    identity = Identity(
        id=clock.new_id("ident"),
        user_id=user.id,
        provider="github",
        issuer="https://github.com",
        subject=user.id,
        email=email,
        name="Alice",
        scopes=("read:user", "user:email"),
        token_version=1,
        token_expires_at=None,
        linked_at=at,
        last_used_at=None,
    )
    sealed = tokens.seal(core.oauth._vault, identity, Tokens(SecretStr("t"), None, None, identity.scopes))
    with core.db.transaction() as connection:
        assert repository.insert_identity(connection, identity, sealed)
    return identity


def test_an_admin_reads_which_settings_to_set(visit: Visitor, page_core: Core) -> None:
    admin = page_core.accounts.create_user("admin@example.com", "Admin", PASSWORD, "admin")
    page = visit(admin).open(navigation.CONNECTIONS)
    assert page.title == "Connected accounts"
    assert "ZOARK_OAUTH_GOOGLE_CLIENT_ID" in page.text
    assert "ZOARK_OAUTH_OIDC_METADATA_URL" in page.text


def test_others_are_not_told_about_settings(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.CONNECTIONS)
    assert "Nothing to connect" in page.text
    assert "ZOARK_OAUTH" not in page.text


@pytest.mark.usefixtures("providers", "routes")
def test_alice_sees_what_can_be_connected(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.CONNECTIONS)
    assert [label for label in page.buttons if label == "Connect"] == ["Connect", "Connect"]
    assert "**GitHub**" in page.text
    assert "**Single sign-on**" in page.text
    assert "Google" not in page.text


@pytest.mark.usefixtures("providers")
def test_where_there_are_no_routes_nothing_can_be_connected(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.CONNECTIONS)
    assert "Connect" not in page.buttons
    assert "cannot send you" in page.text


@pytest.mark.usefixtures("providers", "routes")
def test_alice_sees_what_she_has_connected_and_nothing_of_charlie(
    visit: Visitor, page_core: Core, alice: User, charlie: User
) -> None:
    connected(page_core, alice)
    connected(page_core, charlie, "charlie@private.example")
    page = visit(alice).open(navigation.CONNECTIONS)
    assert "alice@private.example" in page.text
    assert "charlie@private.example" not in page.text
    about = "connected just now · last used never · may see: read:user, user:email"
    assert about in [caption.replace("\\", "") for caption in page.captions]


@pytest.mark.usefixtures("providers", "routes")
def test_alice_disconnects(visit: Visitor, page_core: Core, alice: User) -> None:
    identity = connected(page_core, alice)
    page = visit(alice).open(navigation.CONNECTIONS)
    page.press(f"connections_off_{identity.id}")
    assert "Disconnect account" in page.buttons
    page.press_in_dialog(f"connections_off_{identity.id}", "connections_disconnect_yes")
    assert page_core.oauth.list(alice) == []
    assert "Your account of GitHub was disconnected." in page.toasts


@pytest.mark.usefixtures("providers", "routes")
def test_alice_checks_a_connection_and_connects_it_again(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = connected(page_core, alice)
    answers: list[CoreError | None] = [None, OAuthProviderFailed("GitHub"), OAuthExpired("GitHub")]

    def check(actor: User, identity_id: str) -> None:
        assert (actor, identity_id) == (alice, identity.id)
        if (answer := answers.pop(0)) is not None:
            raise answer

    monkeypatch.setattr(page_core.oauth, "check_connection", check)
    led_to: list[str] = []
    monkeypatch.setattr("app.session.redirect", led_to.append)
    page = visit(alice).open(navigation.CONNECTIONS)
    page.press(f"connections_check_{identity.id}")
    assert "GitHub still accepts this connection." in page.toasts
    page.press(f"connections_check_{identity.id}")
    assert page.errors == [OAuthProviderFailed("GitHub").sentence]
    assert "Connect again" not in page.buttons
    page.press(f"connections_check_{identity.id}")
    assert page.errors == [OAuthExpired("GitHub").sentence]
    page.press(f"connections_connect_{identity.id}")
    assert led_to == ["/oauth/github/start?link=1"]


@pytest.mark.usefixtures("providers", "routes")
def test_connecting_leads_to_our_route(visit: Visitor, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    led_to: list[str] = []
    monkeypatch.setattr("app.session.redirect", led_to.append)
    visit(alice).open(navigation.CONNECTIONS).press("connections_connect_github")
    assert led_to == ["/oauth/github/start?link=1"]


@pytest.mark.usefixtures("providers", "routes")
def test_what_went_wrong_is_said_once(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.CONNECTIONS, notice="oauth_identity_taken.github")
    assert page.errors == ["This account of GitHub is connected to somebody else here."]
    assert "notice" not in page.app.query_params
    assert page.rerun().errors == []


@pytest.mark.usefixtures("providers", "routes")
@pytest.mark.parametrize("notice", ["<b>canary</b>", "oauth_flow.canary", "canary.github"])
def test_a_notice_that_nobody_knows_says_nothing(visit: Visitor, alice: User, notice: str) -> None:
    page = visit(alice).open(navigation.CONNECTIONS, notice=notice)
    assert page.errors == []
    assert "canary" not in page.text


@pytest.mark.usefixtures("providers", "routes")
def test_a_visitor_finds_the_buttons_and_takes_the_wanted_page_along(
    visit: Visitor, page_core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    led_to: list[str] = []
    monkeypatch.setattr("app.session.redirect", led_to.append)
    page = visit().open(navigation.RUN, id="run_1")
    assert [label.split(") ")[-1] for label in page.buttons][1:] == [
        "Continue with GitHub",
        "Continue with single sign-on",
    ]
    page.press("sign_in_github")
    assert led_to == ["/oauth/github/start?next=%2Frun%3Fid%3Drun_1"]


@pytest.mark.usefixtures("providers")
def test_without_routes_a_visitor_finds_no_button(visit: Visitor, page_core: Core) -> None:
    page = visit().open(navigation.HOME, notice="oauth_account_exists.github")
    assert page.buttons == ["Sign in"]
    assert "then connect GitHub under Connected accounts" in page.text
    assert "oauth_account_exists.github" not in sign_in.NOTICES
