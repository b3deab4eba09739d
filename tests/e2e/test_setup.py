"""The first administrator sets a new installation up, and looks after its mail, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from core.bootstrap import Core, build_core
from core.config import load_settings
from tests.e2e.person import LATER, Person, somebody
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer
from tests.support.mailbox import Mailbox, link_in, smtp_server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

WIDE = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
PASSWORD = "correct horse battery staple"


@pytest.fixture
def post() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    with smtp_server(box) as port:
        yield box, port


@pytest.fixture
def fresh(tmp_path: Path, fake_models: FakeModelServer, post: tuple[Mailbox, int]) -> Iterator[AppServer]:
    """An installation that nobody has used, with mail."""
    app = AppServer(
        tmp_path,
        ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake_models.port}",
        ZOARK_WORKER_IDLE_SECONDS="600",
        ZOARK_MAIL_FROM="Zoark <zoark@example.com>",
        SMTP_URL=f"smtp://127.0.0.1:{post[1]}?tls=off",
    )
    app._settings["ZOARK_BASE_URL"] = app.url
    with app:
        yield app


def core_of(server: AppServer) -> Core:
    """Return a second process's view of the same database."""
    return build_core(load_settings(ZOARK_DATA_DIR=server.data_dir))


def step(person: Person, title: str) -> None:
    """Wait until a step is there, and see that nothing is wider than the screen."""
    expect(person.page.get_by_role("heading", name=title)).to_be_visible()
    person.idle()
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    person.page.wait_for_function(fits)


def begin(browser_person: Person) -> Person:
    browser_person.sets_up = True
    browser_person.open()
    browser_person.sign_in()
    expect(browser_person.page.get_by_role("heading", name="What is your company called?")).to_be_visible(
        timeout=30_000
    )
    browser_person.idle()
    return browser_person


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_first_administrator_sets_everything_up(
    browser: Browser, fresh: AppServer, fake_models: FakeModelServer, post: tuple[Mailbox, int], screen: Any
) -> None:
    name = "phone" if screen is PHONE else "wide"
    with somebody(browser, fresh, viewport=screen) as admin:
        begin(admin)
        page = admin.page
        step(admin, "What is your company called?")
        assert page.url.endswith("/setup")
        admin.field("Company name").fill("Acme & Söhne")
        admin.shot(f"setup-company-{name}")
        admin.button("Save and continue").click()

        step(admin, "Which departments are there?")
        assert page.url.endswith("?step=departments")
        page.reload()
        step(admin, "Which departments are there?")
        for number in range(2):  # the second time it is there already
            admin.button("Add department").last.click()
            page.get_by_role("dialog").get_by_label("Name").fill("Legal")
            page.get_by_role("dialog").get_by_role("button", name="Add department").click()
            if number:
                expect(page.get_by_text("There is a department of this name already.")).to_be_visible()
                page.get_by_role("dialog").get_by_role("button", name="Close").click()
            else:
                expect(page.get_by_role("dialog")).to_have_count(0)
            admin.idle()
        expect(page.get_by_text("Legal", exact=True)).to_be_visible()
        admin.shot(f"setup-departments-{name}")
        admin.button("Continue").click()

        step(admin, "How do people come in?")
        page.get_by_text("Anybody may register").click()
        admin.field("Allowed e-mail domains").fill("example.com")
        admin.shot(f"setup-sign-in-{name}")
        admin.button("Save and continue").click()

        step(admin, "Which model do agents use?")
        admin.shot(f"setup-model-empty-{name}")
        admin.button("Paste a key").click()
        admin.choose_kind("OpenAI-compatible endpoint")
        admin.field("Name").fill("Team server")
        admin.page.get_by_role("textbox", name="Key (optional)").fill("sk-canary-7f3a9b2c4d5e6f70")
        admin.field("Address").fill(fake_models.openai_url)
        admin.button("Add key").click()
        expect(page.get_by_text("accepts this key.")).to_be_visible()
        expect(page.get_by_text("Team server", exact=True)).to_be_visible()
        step(admin, "Which model do agents use?")
        admin.shot(f"setup-model-{name}")
        admin.button("Continue").click()

        step(admin, "Who works with you?")
        box = admin.field("E-mail addresses")
        box.fill("ada@example.com\nnot an address\nGrace Hopper <grace@example.com>")
        admin.choose("Role", "Viewer")
        admin.choose("Department", "Legal")
        admin.shot(f"setup-people-{name}")
        admin.button("Send invitations").click()
        expect(page.get_by_text("2 invitations are on the way")).to_be_visible()
        expect(page.get_by_text("This is not an e-mail address.")).to_be_visible()
        expect(box).to_have_value("not an address")
        admin.idle()
        admin.shot(f"setup-people-sent-{name}")
        invitation = post[0].wait_for("ada@example.com")
        post[0].wait_for("grace@example.com")
        assert "is=" not in page.url
        admin.button("Finish").click()

        step(admin, "Everything is set")
        for fact in ("Acme & Söhne", "Anybody may register", "Team server", "SMTP"):
            expect(page.get_by_text(fact).first).to_be_visible()
        admin.shot(f"setup-done-{name}")
        admin.button("Create an agent from a sample").click()
        expect(page.get_by_role("heading", name="New agent")).to_be_visible()
        admin.open("/")
        expect(page.get_by_role("heading", name="Home", exact=True)).to_be_visible()
        expect(page.get_by_text("Finish setting up")).to_have_count(0)
        assert admin.violations() == []

        with somebody(browser, fresh) as ada:
            ada.open()
            expect(ada.page.get_by_text("The AI-agent desk of Acme & Söhne")).to_be_visible()
            expect(ada.page.get_by_text("Create an account").first).to_be_visible()
            ada.page.goto(link_in(invitation))
            ada.page.get_by_label("Your name").fill("Ada Lovelace")
            ada.page.get_by_label("New password", exact=True).fill(PASSWORD)
            ada.page.get_by_label("Repeat password", exact=True).fill(PASSWORD)
            ada.button("Create account").click()
            ada.sees_shell()
    core = core_of(fresh)
    root = core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD)
    assert core.organisation.get().allowed_email_domains == ("example.com",)
    assert core.organisation.registration() == "open"
    assert core.setup.progress(root).finished_at is not None
    (ada_now,) = core.people.list(root, "ada@")
    assert (ada_now.role, ada_now.department) == ("viewer", "legal")
    core.close()


def test_who_puts_it_off_is_reminded_and_never_trapped(browser: Browser, fresh: AppServer) -> None:
    with somebody(browser, fresh) as admin:
        begin(admin)
        admin.go("Agents")
        expect(admin.page.get_by_text("No agents yet")).to_be_visible()
        admin.go("Home")
        step(admin, "What is your company called?")
        admin.button("Skip this step").click()
        step(admin, "Which departments are there?")
        admin.button(LATER).click()
        expect(admin.page.get_by_text("Finish setting up")).to_be_visible()
        admin.idle()
        admin.shot("setup-card")
        admin.button("Continue").click()
        step(admin, "Which departments are there?")
        admin.go("Home")
        admin.button("Dismiss").click()
        expect(admin.page.get_by_text("Finish setting up")).to_have_count(0)
        admin.page.reload()
        expect(admin.page.get_by_role("heading", name="Home", exact=True)).to_be_visible()
        admin.idle()
        expect(admin.page.get_by_text("Finish setting up")).to_have_count(0)
        assert admin.violations() == []


def test_without_mail_the_links_are_shown_to_copy(browser: Browser, tmp_path: Path) -> None:
    with AppServer(tmp_path) as app, somebody(browser, app) as admin, somebody(browser, app) as ada:
        begin(admin)
        admin.open("/setup?step=people")
        step(admin, "Who works with you?")
        admin.field("E-mail addresses").fill("ada@example.com")
        admin.button("Make invitation links").click()
        link = admin.page.locator("[data-testid=stCode]")
        expect(link).to_contain_text("/invitation?token=")
        admin.idle()
        admin.shot("setup-links")
        address = link.inner_text().strip()
        assert address.startswith(app.url)
        ada.page.goto(address)
        ada.page.get_by_label("Your name").fill("Ada Lovelace")
        ada.page.get_by_label("New password", exact=True).fill(PASSWORD)
        ada.page.get_by_label("Repeat password", exact=True).fill(PASSWORD)
        ada.button("Create account").click()
        ada.sees_shell()
        admin.open("/mail")
        expect(admin.page.get_by_text("E-mail is not set up.")).to_be_visible()
        admin.idle()
        admin.shot("mail-none")
        assert admin.violations() == ada.violations() == []
    assert address.partition("token=")[2] not in app.log.read_text()


def test_an_administrator_tests_the_mail_and_sends_a_failed_one_again(
    browser: Browser, fresh: AppServer, post: tuple[Mailbox, int]
) -> None:
    box = post[0]
    with somebody(browser, fresh) as admin:
        admin.open("/mail")
        admin.sign_in()
        admin.sees_shell()
        admin.button("Send a test mail to me").click()
        expect(admin.page.get_by_text("The mail server took the test mail")).to_be_visible(timeout=180_000)
        assert "whether e-mail works" in box.wait_for(ADMIN_EMAIL)
        admin.idle()
        admin.shot("mail-tested")
        box.refused["dora@example.com"] = "550 no such user"
        admin.open("/people")
        admin.button("Invite").click()
        admin.field("E-mail addresses").fill("dora@example.com")
        admin.button("Send invitations").click()
        expect(admin.page.get_by_text("The invitation is on the way")).to_be_visible()
        failed = admin.page.get_by_text("The mail server refused this message: 550 no such user")
        for _ in range(30):
            admin.open("/mail")
            expect(admin.button("Refresh")).to_be_visible()
            admin.idle()
            if failed.count():  # the list with what needs care comes first
                break
            admin.page.wait_for_timeout(500)
        expect(failed.first).to_be_visible()
        admin.idle()
        admin.shot("mail-failed")
        del box.refused["dora@example.com"]
        admin.button("Send again").click()
        assert "invites you" in box.wait_for("dora@example.com")
        assert admin.violations() == []
