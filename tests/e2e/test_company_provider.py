"""Single sign-on at Django OAuth Toolkit, a provider with accounts and consent of its own, in a real browser."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.e2e.test_mail import open_link
from tests.e2e.test_two_factor import enrol, forget_used_codes, in_the_database, second_step
from tests.support.app_server import ADMIN_EMAIL, AppServer
from tests.support.mailbox import Mailbox, smtp_server, token_in
from tests.support.oauth_toolkit import PASSWORD, Colleague, OAuthToolkit, oauth_toolkit

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DORA = Colleague("dora", "dora@example.com", "Dora Desk")
OTTO = Colleague("otto", "otto@private.example", "Otto Other")
FAY = Colleague("fay", "fay@example.com", "Fay Factor")
ROBIN = Colleague("robin", "robin@example.com", "Robin Root")
INES = Colleague("ines", "ines@example.com", "Ines Invited")
UMA = Colleague("uma", "uma@example.com", "Uma Unsure", is_verified=False)
BOSS = Colleague("boss", ADMIN_EMAIL, "Not The Admin")


@dataclass
class Company:
    """The app, the company's provider and its mail."""

    app: AppServer
    provider: OAuthToolkit
    post: Mailbox


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder: Path = tmp_path_factory.mktemp("company")
    post, app = Mailbox(), AppServer(tmp_path_factory.mktemp("app"), ZOARK_REGISTRATION="open")
    redirect_uri = f"{app.url}/oauth/oidc/callback"
    with (
        smtp_server(post) as smtp_port,
        oauth_toolkit(folder, redirect_uri, DORA, OTTO, FAY, ROBIN, INES, UMA, BOSS) as provider,
    ):
        app._settings |= {
            **provider.settings,
            "ZOARK_ENDPOINT_ALLOWLIST": provider.address,
            "ZOARK_BASE_URL": app.url,
            "ZOARK_WORKER_IDLE_SECONDS": "600",
            "ZOARK_MAIL_FROM": "Zoark <zoark@example.com>",
            "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}?tls=off",
        }
        with app:
            yield Company(app, provider, post)


def log_in(person: Person, who: Colleague) -> None:
    """Log in at the provider and agree."""
    person.page.get_by_label("User").fill(who.username)
    person.page.get_by_label("Password").fill(PASSWORD)
    person.button("Log in").click()
    agree(person)


def agree(person: Person) -> None:
    expect(person.page.get_by_role("heading", name="Authorize Zoark?")).to_be_visible()
    person.button("Authorize").click()


def enter(person: Person, who: Colleague, path: str = "/") -> None:
    """Go to the sign-in page and through the provider."""
    person.open(path)
    person.button("Continue with single sign-on").click()
    log_in(person, who)


def connect(person: Person) -> None:
    person.go("Connected accounts")
    person.page.locator(".st-key-connections_connect_oidc").get_by_role("button").click()


def identities(app: AppServer) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(app.data_dir / "zoark.db", timeout=10)) as connection:
        return connection.execute("SELECT name, token_version FROM identities ORDER BY name").fetchall()


def test_dora_signs_up_and_signs_in_again(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as dora:
        enter(dora, DORA, "/usage")
        dora.sees_shell()
        expect(dora.page.get_by_text("Dora Desk")).to_be_visible()
        expect(dora.page.get_by_role("heading", name="Usage")).to_be_visible()  # the page that was wanted
        dora.sign_out()
        dora.button("Continue with single sign-on").click()
        agree(dora)  # the provider still knows who is there
        dora.sees_shell()
        expect(dora.page.get_by_text("dora@example.com")).to_be_visible()
        assert identities(company.app) == [("Dora Desk", 2)]
        assert dora.violations() == []


@pytest.mark.parametrize(
    ("who", "sentence"),
    [(UMA, "Your e-mail address is not verified"), (BOSS, "An account with this e-mail exists.")],
    ids=["unverified", "taken"],
)
def test_an_address_that_proves_nothing_is_refused(
    browser: Browser, company: Company, who: Colleague, sentence: str
) -> None:
    with somebody(browser, company.app) as visitor:
        enter(visitor, who)
        expect(visitor.page.get_by_text(sentence)).to_be_visible()
        expect(visitor.button("Sign out")).to_have_count(0)


def test_cancelling_at_the_provider_leads_back(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as otto:
        otto.open()
        otto.button("Continue with single sign-on").click()
        otto.page.get_by_label("User").fill(OTTO.username)
        otto.page.get_by_label("Password").fill(PASSWORD)
        otto.button("Log in").click()
        otto.button("Cancel").click()
        expect(otto.page.get_by_text("was cancelled or refused there")).to_be_visible()


def test_the_admin_connects_checks_and_disconnects(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as admin:
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        connect(admin)
        log_in(admin, OTTO)
        expect(admin.page.get_by_text("you can sign in with single sign-on now")).to_be_visible()
        expect(admin.page.get_by_text("otto@private.example")).to_be_visible()
        assert company.provider.live_tokens("otto") == (1, 1)
        admin.sign_out()
        admin.button("Continue with single sign-on").click()
        agree(admin)
        admin.sees_shell()
        expect(admin.page.get_by_text(ADMIN_EMAIL)).to_be_visible()

        before = dict(identities(company.app))["Otto Other"]
        admin.go("Connected accounts")
        admin.button("Check").click()
        expect(admin.page.get_by_text("still accepts this connection")).to_be_visible()
        assert dict(identities(company.app))["Otto Other"] == before + 1  # it was renewed on the way
        admin.idle()
        admin.shot("company-connections")

        admin.button("Disconnect").click()
        admin.button("Disconnect account").click()
        expect(admin.page.get_by_text("otto@private.example")).to_have_count(0)
        expect(admin.page.get_by_text("Not connected")).to_be_visible()
        assert "Otto Other" not in dict(identities(company.app))
        assert admin.violations() == []


def test_disconnecting_ends_the_tokens_at_the_provider(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as admin:
        company.provider.forget_tokens()
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        connect(admin)
        log_in(admin, OTTO)
        expect(admin.page.get_by_text("otto@private.example")).to_be_visible()
        assert company.provider.live_tokens("otto") == (1, 1)
        admin.idle()
        admin.button("Disconnect").click()
        admin.button("Disconnect account").click()
        expect(admin.page.get_by_text("otto@private.example")).to_have_count(0)
        admin.idle()
        assert company.provider.live_tokens("otto") == (0, 0)


def test_a_connection_that_was_ended_at_the_provider_is_connected_again(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as dora:
        enter(dora, DORA)
        dora.sees_shell()
        company.provider.forget_tokens()  # the company's administrator ends it there
        dora.go("Connected accounts")
        dora.button("Check").click()
        expect(dora.page.get_by_text("The connection to single sign-on has expired.")).to_be_visible()
        dora.idle()
        dora.shot("company-expired")
        dora.button("Connect again").click()
        agree(dora)
        expect(dora.page.get_by_text("you can sign in with single sign-on now")).to_be_visible()
        dora.button("Check").click()
        expect(dora.page.get_by_text("still accepts this connection")).to_be_visible()


def test_an_identity_of_somebody_else_is_not_connected(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as admin:
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        connect(admin)
        log_in(admin, DORA)
        expect(admin.page.get_by_text("is connected to somebody else here")).to_be_visible()
        expect(admin.page.get_by_text("dora@example.com")).to_have_count(0)
        expect(admin.page.get_by_text(ADMIN_EMAIL)).to_be_visible()  # still the admin


def test_fay_is_asked_for_her_code_after_the_provider(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as fay:
        enter(fay, FAY)
        fay.sees_shell()
        fay.go("Security")
        fay.button("Set up").click()
        totp, paper = enrol(fay)
        fay.sign_out()
        forget_used_codes(company.app)

        fay.open("/runs")
        fay.button("Continue with single sign-on").click()
        agree(fay)
        expect(fay.field("Code")).to_be_visible()
        expect(fay.button("Sign out")).to_have_count(0)
        fay.idle()
        fay.shot("company-second-step")
        fay.open("/usage")  # another page asks for it, too, also in a new tab of this browser
        expect(fay.field("Code")).to_be_visible()
        fay.open("/runs")
        second_step(fay, totp.now())
        fay.sees_shell()
        assert fay.page.url.endswith("/runs")
        expect(fay.page.get_by_text("fay@example.com")).to_be_visible()
        fay.sign_out()

        fay.button("Continue with single sign-on").click()
        agree(fay)
        expect(fay.field("Code")).to_be_visible()
        fay.idle()
        fay.button("Back").click()
        expect(fay.page.get_by_label("E-mail")).to_be_visible()
        fay.page.reload()  # left for good, not only in this tab
        expect(fay.page.get_by_label("E-mail")).to_be_visible()
        fay.button("Continue with single sign-on").click()
        agree(fay)
        second_step(fay, paper[0])
        fay.sees_shell()
        assert fay.violations() == []


def test_an_administrator_who_comes_by_the_provider_sets_a_second_factor_up(
    browser: Browser, company: Company
) -> None:
    with somebody(browser, company.app) as robin:
        enter(robin, ROBIN)
        robin.sees_shell()
        robin.sign_out()
        in_the_database(company.app, "UPDATE users SET role = 'admin' WHERE email = ?", ROBIN.email)
        in_the_database(
            company.app, "INSERT INTO organisation (name, value) VALUES ('two_factor_for', '\"admins\"')"
        )
        try:
            robin.open("/usage")
            robin.button("Continue with single sign-on").click()
            agree(robin)
            expect(robin.page.get_by_role("heading", name="Set up two-factor sign-in")).to_be_visible(
                timeout=60_000
            )
            expect(robin.page.get_by_role("heading", name="Usage")).to_have_count(0)
            totp, _ = enrol(robin)
            expect(robin.page.get_by_role("heading", name="Usage")).to_be_visible()
            robin.sign_out()
            forget_used_codes(company.app)
            robin.button("Continue with single sign-on").click()
            agree(robin)
            second_step(robin, totp.now())
            robin.sees_shell()
        finally:
            in_the_database(company.app, "DELETE FROM organisation WHERE name = 'two_factor_for'")


def test_ines_accepts_an_invitation_with_the_company_account(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as admin, somebody(browser, company.app) as ines:
        admin.open("/people")
        admin.sign_in()
        admin.sees_shell()
        admin.button("Invite").click()
        admin.field("E-mail addresses").fill(INES.email)
        admin.button("Send invitations").click()
        expect(admin.page.get_by_text("The invitation is on the way")).to_be_visible()
        invitation = company.post.wait_for(INES.email)

        open_link(ines, invitation)
        expect(ines.button("Continue with single sign-on")).to_be_visible()
        ines.idle()
        ines.shot("company-invitation")
        ines.button("Continue with single sign-on").click()
        log_in(ines, OTTO)  # logged in there as somebody else
        expect(ines.page.get_by_text("This invitation is for another e-mail address")).to_be_visible()
        ines.idle()
        ines.shot("company-invitation-refused")
        ines.page.context.clear_cookies(name=re.compile("company_.*"))
        ines.button("Continue with single sign-on").click()
        log_in(ines, INES)
        ines.sees_shell()
        expect(ines.page.get_by_text("Ines Invited")).to_be_visible()
        expect(ines.page.get_by_text("ines@example.com")).to_be_visible()
        ines.sign_out()
        open_link(ines, invitation)
        expect(ines.page.get_by_text("has expired or was already used")).to_be_visible()
        assert ines.violations() == []
    assert token_in(invitation) not in company.app.log.read_text()


def test_the_admin_tests_the_provider(browser: Browser, company: Company) -> None:
    with somebody(browser, company.app) as admin:
        admin.open("/sign-in-settings")
        admin.sign_in()
        admin.sees_shell()
        admin.button("Test").click()
        expect(admin.page.get_by_text("The provider knows the client and accepts its secret.")).to_be_visible(
            timeout=60_000
        )
        expect(admin.page.get_by_text(f"{company.app.url}/oauth/oidc/callback")).to_be_visible()
        admin.idle()
        admin.shot("provider-checks")
        assert admin.violations() == []
    written = company.app.log.read_text()
    assert "canary" not in written
    assert PASSWORD not in written
