"""Two-factor sign-in and step-up in a real browser, with a real authenticator's arithmetic."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ERIN = ("Erin Ledger", "erin@example.com", "many words that nobody strings together")
REFUSED = "This code is not right, or it was used before."


def in_the_database(server: AppServer, statement: str, *values: object) -> None:
    with sqlite3.connect(server.data_dir / "zoark.db", timeout=10) as connection:
        connection.execute(statement, values)
    connection.close()


def forget_used_codes(server: AppServer) -> None:
    """Let the present code be good once more: nobody waits half a minute here."""
    in_the_database(server, "UPDATE users SET totp_last_step = NULL")


def enrol(person: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Scan, type the code, keep the recovery codes."""
    code_block = person.page.get_by_test_id("stCode")
    expect(code_block).to_be_visible()
    expect(person.page.get_by_test_id("stMain").get_by_role("img").first).to_be_visible()
    totp = pyotp.TOTP(re.sub(r"\s", "", code_block.inner_text()))
    person.idle()
    person.field("Code that the app shows").fill(totp.now())
    person.button("Turn on").click()
    expect(person.page.get_by_text("Two-factor sign-in is on")).to_be_visible()
    # The seed may be there a moment longer.
    codes = code_block.filter(has_text=re.compile(r"\w{4}-\w{4}-\w{4}-\w{4}"))
    expect(codes).to_have_count(1)
    paper = codes.inner_text().split()
    person.button("I have kept them").click()
    person.idle()
    return totp, paper


def second_step(person: Person, code: str) -> None:
    expect(person.field("Code")).to_be_visible()
    person.idle()
    person.field("Code").fill(code)
    person.button("Continue").click()


def test_erin_sets_it_up_and_signs_in_with_it(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as erin:
        erin.open()
        erin.register(*ERIN)
        erin.sees_shell()
        erin.go("Security")
        erin.button("Set up").click()
        expect(erin.page.get_by_test_id("stCode")).to_be_visible()
        erin.idle()
        erin.shot("two-factor-setup")
        totp, paper = enrol(erin)
        expect(erin.page.get_by_text("Recovery codes left: 10")).to_be_visible()
        assert len(paper) == 10
        assert erin.violations() == []
        erin.sign_out()

        forget_used_codes(server)
        erin.open("/runs")
        erin.sign_in(ERIN[1], ERIN[2])
        expect(erin.field("Code")).to_be_visible()
        expect(erin.button("Sign out")).not_to_be_visible()
        erin.shot("second-step")
        code = totp.now()
        second_step(erin, code)
        erin.sees_shell()
        assert erin.page.url.endswith("/runs")
        erin.sign_out()

        erin.sign_in(ERIN[1], ERIN[2])
        second_step(erin, code)
        expect(erin.page.get_by_text(REFUSED)).to_be_visible()
        second_step(erin, paper[0].upper())
        erin.sees_shell()
        erin.go("Security")
        expect(erin.page.get_by_text("Recovery codes left: 9")).to_be_visible()
        erin.sign_out()

        erin.sign_in(ERIN[1], ERIN[2])
        second_step(erin, paper[0])
        expect(erin.page.get_by_text(REFUSED)).to_be_visible()
        erin.page.reload()  # what was half signed in is gone with the tab's state
        expect(erin.page.get_by_label("E-mail")).to_be_visible()
        assert totp.secret not in server.log.read_text()


def test_after_a_while_the_admin_confirms_before_adding_a_key(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as admin:
        admin.open("/keys")
        admin.sign_in()
        admin.sees_shell()
        long_ago = datetime.now(UTC) - timedelta(minutes=11)
        in_the_database(server, "UPDATE sessions SET proved_at = ?", long_ago.strftime("%Y-%m-%d %H:%M:%S.%f"))
        admin.button("New key").first.click()
        expect(admin.page.get_by_text("Please confirm that it is you.")).to_be_visible()
        expect(admin.page.get_by_text("Provider")).not_to_be_visible()
        admin.idle()
        admin.shot("step-up")
        admin.page.get_by_label("Password", exact=True).fill("something else")
        admin.button("Confirm").click()
        expect(admin.page.get_by_text("The e-mail address or the password is not right.")).to_be_visible()
        admin.page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
        admin.button("Confirm").click()
        expect(admin.page.get_by_role("combobox", name="Provider")).to_be_visible()
        admin.choose_kind("OpenAI-compatible endpoint")
        admin.field("Name").fill("After the step-up")
        admin.field("Address").fill("https://models.example.com/v1")
        admin.button("Add key").click()
        expect(admin.page.get_by_role("main").get_by_text("After the step-up").first).to_be_visible()


def test_administrators_set_it_up_where_it_is_demanded(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as admin:
        admin.open("/sign-in-settings")
        admin.sign_in()
        admin.sees_shell()
        expect(admin.page.get_by_label("Company name")).to_be_visible()
        admin.idle()
        admin.shot("sign-in-settings")
        admin.page.get_by_label("Company name").fill("Acme")
        admin.choose("Two-factor sign-in is demanded of", "Administrators")
        admin.button("Save").click()
        expect(admin.page.get_by_role("heading", name="Set up two-factor sign-in")).to_be_visible()
        admin.open("/keys")
        expect(admin.page.get_by_role("heading", name="Set up two-factor sign-in")).to_be_visible()
        expect(admin.button("New key")).not_to_be_visible()
        admin.idle()
        admin.shot("two-factor-demanded")
        totp, _ = enrol(admin)
        expect(admin.page.get_by_role("heading", name="Keys")).to_be_visible()
        admin.sign_out()
        forget_used_codes(server)
        admin.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
        second_step(admin, totp.now())
        admin.sees_shell()
        assert admin.violations() == []
