"""Mail from the real app over a real SMTP server to a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.support.app_server import AppServer
from tests.support.mailbox import Mailbox, link_in, smtp_server, token_in

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PASSWORD = "correct horse battery staple"
NEW = "a quite different sentence"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with smtp_server(box) as port:
        yield box, port


@pytest.fixture(scope="module")
def post(mailbox: tuple[Mailbox, int]) -> Mailbox:
    return mailbox[0]


@pytest.fixture(scope="module")
def mail_server(tmp_path_factory: pytest.TempPathFactory, mailbox: tuple[Mailbox, int]) -> Iterator[AppServer]:
    data_dir: Path = tmp_path_factory.mktemp("mail-app")
    app = AppServer(
        data_dir,
        ZOARK_REGISTRATION="open",
        ZOARK_WORKER_IDLE_SECONDS="600",
        ZOARK_MAIL_FROM="Zoark <zoark@example.com>",
        SMTP_URL=f"smtp://127.0.0.1:{mailbox[1]}?tls=off",
    )
    app._settings["ZOARK_BASE_URL"] = app.url  # its port is known only now
    with app:
        yield app


def open_link(person: Person, text: str) -> None:
    """Follow the link of a mail; the token is in the address bar no more once the page is there."""
    person.page.goto(link_in(text))
    person.idle()
    person.page.wait_for_url(lambda url: "token" not in url)


def test_dana_registers_confirms_her_address_and_resets_her_password(
    browser: Browser, mail_server: AppServer, post: Mailbox
) -> None:
    email = "dana@example.com"
    with somebody(browser, mail_server) as dana, somebody(browser, mail_server) as elsewhere:
        dana.open()
        dana.register("Dana Doe", email, PASSWORD)
        dana.sees_shell()
        verification = post.wait_for(email, 1)
        open_link(elsewhere, verification)
        elsewhere.button("Confirm").click()
        expect(elsewhere.page.get_by_text("Your e-mail address is confirmed.")).to_be_visible()
        dana.open("/security")
        expect(dana.page.get_by_text(re.compile("Confirmed")).first).to_be_visible()
        dana.shot("security")

        elsewhere.open("/")
        elsewhere.page.get_by_role("link", name="Forgotten your password?").click()
        expect(elsewhere.button("Send me a link")).to_be_visible()
        elsewhere.idle()
        expect(elsewhere.page.get_by_label("E-mail")).to_have_count(1)  # the form before it has gone
        elsewhere.page.get_by_label("E-mail").fill(email)
        elsewhere.button("Send me a link").click()
        expect(elsewhere.page.get_by_text("a mail with a link is on its way")).to_be_visible()
        reset = post.wait_for(email, 2)
        open_link(elsewhere, reset)
        elsewhere.page.get_by_label("New password", exact=True).fill(NEW)
        elsewhere.page.get_by_label("Repeat password", exact=True).fill(NEW)
        # White words on no background cannot be read.
        expect(elsewhere.button("Set password")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
        elsewhere.shot("new-password")
        elsewhere.button("Set password").click()
        expect(elsewhere.page.get_by_text("Your password was changed.")).to_be_visible()

        dana.page.reload()  # the old session has ended
        expect(dana.page.get_by_label("E-mail")).to_be_visible()
        elsewhere.page.get_by_role("link", name="Go to Zoark").click()
        elsewhere.sign_in(email, NEW)
        elsewhere.sees_shell()
        assert "Your password was changed on" in post.wait_for(email, 3)
        assert not elsewhere.violations()

        elsewhere.page.goto(link_in(reset))  # a second use
        expect(elsewhere.page.get_by_text("This link has expired or was already used.")).to_be_visible()
    written = mail_server.log.read_text()
    for mail in (verification, reset):
        assert token_in(mail) not in written


def test_an_administrator_invites_emil_who_makes_his_account(
    browser: Browser, mail_server: AppServer, post: Mailbox
) -> None:
    email = "emil@example.com"
    with somebody(browser, mail_server) as admin, somebody(browser, mail_server) as emil:
        admin.open("/people")
        admin.sign_in()
        admin.sees_shell()
        admin.button("Invite").click()
        admin.field("E-mail addresses").fill(email)
        admin.shot("invite")
        admin.button("Send invitations").click()
        expect(admin.page.get_by_text("The invitation is on the way")).to_be_visible()
        invitation = post.wait_for(email)
        assert "Administrator invites you" in invitation
        open_link(emil, invitation)
        emil.page.get_by_label("Your name").fill("Emil Ek")
        emil.page.get_by_label("New password", exact=True).fill(PASSWORD)
        emil.page.get_by_label("Repeat password", exact=True).fill(PASSWORD)
        emil.shot("invitation")
        emil.button("Create account").click()
        emil.sees_shell()
        expect(emil.page.get_by_text("Emil Ek")).to_be_visible()
        assert not emil.violations()
    assert token_in(invitation) not in mail_server.log.read_text()
