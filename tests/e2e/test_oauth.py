"""Signing in elsewhere, in a real browser: at oidc-provider-mock, at a second OpenID Connect provider of another
make, and at a stand-in for GitHub that checks PKCE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.fakes.github import FakeGitHub
from tests.fakes.oauth_server import CLIENT_ID, CLIENT_SECRET, Account
from tests.fakes.openid import FakeOpenId
from tests.support.app_server import ADMIN_EMAIL, AppServer
from tests.support.oauth_stage import settings_of
from tests.support.oidc_mock import oidc_mock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

GINA = {"sub": "g-1", "email": "gina@example.com", "email_verified": True, "name": "Gina Gold"}
ADMINS_TWIN = {"sub": "g-2", "email": ADMIN_EMAIL, "email_verified": True, "name": "Not The Admin"}
UNSURE = {"sub": "g-3", "email": "unsure@example.com", "email_verified": False, "name": "Una Unsure"}


@dataclass
class Town:
    """The app and the providers around it."""

    app: AppServer
    github: FakeGitHub
    company: FakeOpenId


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    github, company = FakeGitHub(Account("583231", "octo@example.com", name="Octo Cat")), FakeOpenId()
    company.account = Account("c-1", "carla@example.com", name="Carla Company")
    company.algorithm = "ES256"
    with oidc_mock(GINA, ADMINS_TWIN, UNSURE) as google_url, github, company:
        addresses = [google_url.removeprefix("http://"), *(f"127.0.0.1:{f.port}" for f in (github, company))]
        settings = {
            "ZOARK_REGISTRATION": "open",
            "ZOARK_ENDPOINT_ALLOWLIST": ",".join(addresses),
            "ZOARK_OAUTH_GOOGLE_CLIENT_ID": CLIENT_ID,
            "ZOARK_OAUTH_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "ZOARK_OAUTH_GOOGLE_METADATA_URL": f"{google_url}/.well-known/openid-configuration",
            **settings_of("github", github),
            **settings_of("oidc", company),
        }
        with AppServer(tmp_path_factory.mktemp("app"), **settings) as app:
            yield Town(app, github, company)


def go_to_google(person: Person, who: dict[str, object]) -> None:
    person.button("Continue with Google").click()
    person.page.wait_for_url("**/oauth2/authorize?**")
    person.page.get_by_role("button", name=str(who["sub"]), exact=True).first.click()


def agree(person: Person) -> None:
    person.page.get_by_role("link", name="Authorize").click()


def test_a_visitor_signs_up_with_google_and_signs_in_again(browser: Browser, town: Town) -> None:
    with somebody(browser, town.app) as gina:
        gina.open("/usage")
        expect(gina.button("Continue with GitHub")).to_be_visible()
        expect(gina.button("Continue with single sign-on")).to_be_visible()
        expect(gina.button("Continue with Microsoft")).to_have_count(0)
        gina.idle()
        gina.shot("oauth-sign-in")
        go_to_google(gina, GINA)
        gina.sees_shell()
        expect(gina.page.get_by_text("Gina Gold")).to_be_visible()
        expect(gina.page.get_by_role("heading", name="Usage")).to_be_visible()  # the page that was wanted
        cookies = {cookie["name"]: cookie for cookie in gina.page.context.cookies()}
        assert cookies["_streamlit_session"]["httpOnly"]
        gina.page.reload()
        gina.sees_shell()
        gina.sign_out()
        go_to_google(gina, GINA)
        gina.sees_shell()
        expect(gina.page.get_by_text("gina@example.com")).to_be_visible()

        gina.go("Connected accounts")
        gina.button("Disconnect").click()
        gina.button("Disconnect account").click()
        expect(gina.page.get_by_text("This is your only way to sign in.")).to_be_visible()
        assert gina.violations() == []


def test_an_address_that_somebody_has_and_one_that_is_unverified_are_refused(browser: Browser, town: Town) -> None:
    with somebody(browser, town.app) as mallory:
        mallory.open()
        go_to_google(mallory, ADMINS_TWIN)
        expect(mallory.page.get_by_text("An account with this e-mail exists.")).to_be_visible()
        go_to_google(mallory, UNSURE)
        expect(mallory.page.get_by_text("is not verified at Google")).to_be_visible()
        mallory.button("Continue with GitHub").click()
        mallory.page.get_by_role("link", name="Cancel").click()
        expect(mallory.page.get_by_text("was cancelled or refused there")).to_be_visible()
        expect(mallory.page.get_by_label("E-mail")).to_be_visible()


def test_single_sign_on_works_with_a_provider_of_another_make(browser: Browser, town: Town) -> None:
    with somebody(browser, town.app) as carla:
        carla.open()
        carla.button("Continue with single sign-on").click()
        agree(carla)
        carla.sees_shell()
        expect(carla.page.get_by_text("Carla Company")).to_be_visible()


def test_the_admin_connects_github_signs_in_with_it_and_disconnects(browser: Browser, town: Town) -> None:
    with somebody(browser, town.app) as admin:
        page = admin.page
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        admin.go("Connected accounts")
        expect(page.get_by_text("Not connected").first).to_be_visible()
        page.locator(".st-key-connections_connect_github").get_by_role("button").click()
        agree(admin)
        expect(page.get_by_text("you can sign in with GitHub now")).to_be_visible()
        expect(page.get_by_text("octo@example.com")).to_be_visible()
        expect(page.get_by_text("read:user, user:email")).to_be_visible()
        admin.idle()
        admin.shot("oauth-connections")
        admin.sign_out()
        admin.button("Continue with GitHub").click()
        agree(admin)
        admin.sees_shell()
        expect(page.get_by_text(ADMIN_EMAIL)).to_be_visible()

        with somebody(browser, town.app) as gina:
            gina.open()
            go_to_google(gina, GINA)
            gina.sees_shell()
            gina.go("Connected accounts")
            gina.page.locator(".st-key-connections_connect_github").get_by_role("button").click()
            agree(gina)
            expect(gina.page.get_by_text("is connected to somebody else here")).to_be_visible()
            expect(gina.page.get_by_text("octo@example.com")).to_have_count(0)

        admin.go("Connected accounts")
        admin.button("Disconnect").click()
        admin.button("Disconnect account").click()
        expect(page.get_by_text("octo@example.com")).to_have_count(0)
        assert len(town.github.revoked) == 1
        assert admin.violations() == []
        assert "canary" not in town.app.log.read_text()
