"""An administrator changes people who sit in front of their browsers at that moment."""

from __future__ import annotations

import re
import sqlite3

import pytest
from playwright.sync_api import Browser, expect

from app.guarded import WATCH_SECONDS
from tests.e2e.person import Person, somebody
from tests.support.app_server import ADMIN_PASSWORD, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DANA = ("Dana Roth", "dana@example.com", "correct horse battery staple")


def change_role(admin: Person, role: str) -> None:
    admin.go("People")
    admin.field("Search").fill("dana")
    admin.field("Search").press("Enter")
    expect(admin.page.get_by_text("dana@example.com")).to_have_count(1)
    expect(admin.page.get_by_text("admin@zoark.example · ")).to_have_count(0)
    admin.idle()
    admin.button("Change").click()
    admin.choose("Role", role)
    admin.button("Save changes").click()
    expect(admin.page.get_by_text("The changes to Dana Roth were saved.")).to_be_visible()
    admin.idle()


def test_an_administrator_changes_and_suspends_dana_while_she_is_signed_in(
    browser: Browser, server: AppServer
) -> None:
    with somebody(browser, server) as dana, somebody(browser, server) as admin:
        dana.open()
        dana.register(*DANA)
        dana.sees_shell()
        expect(dana.button("New agent")).to_be_visible()
        admin.open()
        admin.sign_in()
        admin.sees_shell()

        change_role(admin, "Viewer")
        dana.go("Agents")
        expect(
            dana.page.get_by_text("Your role, viewer, cannot create or change agents and workflows or start runs.")
        ).to_be_visible()
        expect(dana.button("New agent")).to_have_count(0)

        dana.open("/people")
        expect(dana.page.get_by_text("You are not allowed to do this.")).to_be_visible()
        dana.go("Sessions")
        expect(dana.page.get_by_text("Chrome on Linux")).to_be_visible()
        expect(dana.page.get_by_text("127.0.0.1")).to_be_visible()
        dana.idle()
        dana.shot("sessions")

        admin.shot("people")
        admin.button("Suspend").click()
        expect(admin.page.get_by_text("is signed out everywhere at once")).to_be_visible()
        admin.page.get_by_role("dialog").get_by_role("button", name="Suspend", exact=True).click()
        expect(admin.page.get_by_text("Dana Roth was suspended.")).to_be_visible()
        assert WATCH_SECONDS <= 5
        expect(dana.page.get_by_label("E-mail")).to_be_visible()  # she touches nothing
        dana.sign_in(DANA[1], DANA[2])
        expect(dana.page.get_by_text("The e-mail address or the password is not right.")).to_be_visible()

        admin.go("Audit")
        expect(admin.page.get_by_test_id("stDataFrame")).to_be_visible()
        admin.choose("Action", "user.suspended")
        expect(admin.page.get_by_text("1 entries, newest first.")).to_be_visible()
        with sqlite3.connect(server.data_dir / "zoark.db", timeout=10) as connection:
            connection.execute("UPDATE sessions SET proved_at = '2020-01-01 00:00:00.000000'")
        connection.close()
        admin.button("Export CSV").click()
        expect(admin.page.get_by_text("Please confirm that it is you.")).to_be_visible()
        admin.page.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
        with admin.page.expect_download() as download:
            admin.button("Confirm").click()
        assert "/session/audit.csv?days=7" in download.value.url
        exported = download.value.path().read_text("utf-8")
        expect(admin.page.get_by_role("dialog")).to_have_count(0)
        admin.idle()
        with admin.page.expect_download():  # confirmed: at once
            admin.button("Export CSV").click()
        admin.button("Verify").click()
        expect(admin.page.get_by_text("The audit log is whole:")).to_be_visible()
        assert '"user.suspended"' in exported
        assert '"127.0.0.1"' in exported
        assert "dana@example.com" in exported
        admin.shot("audit")
        assert dana.violations() == admin.violations() == []


def test_an_open_dialog_is_no_way_around_the_gate(browser: Browser, server: AppServer) -> None:
    """A dialog reruns on its own, past the shell."""
    with somebody(browser, server) as admin, somebody(browser, server) as elsewhere:
        for person in (admin, elsewhere):
            person.open("/departments")
            person.sign_in()
            person.sees_shell()
        admin.button("New department").click()
        admin.page.get_by_role("dialog").get_by_label("Name").fill("Smuggled")
        admin.page.wait_for_timeout(6_000)  # the watching fragment leaves the dialog and its text alone
        expect(admin.page.get_by_role("dialog").get_by_label("Name")).to_have_value("Smuggled")
        elsewhere.go("Sessions")
        elsewhere.button("End all others").click()
        expect(elsewhere.page.get_by_text(re.compile(r"\d other session\(s\) were ended."))).to_be_visible()
        # In one step of the browser: the page may be taken away in this moment.
        admin.button("Add department").evaluate_all("buttons => buttons.forEach(button => button.click())")
        expect(admin.page.get_by_label("E-mail")).to_be_visible()
        elsewhere.go("Departments")
        expect(elsewhere.page.get_by_text("Operations", exact=True)).to_be_visible()
        expect(elsewhere.page.get_by_text("Smuggled")).to_have_count(0)


def test_an_administrator_sets_a_price_and_ends_it(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as admin:
        admin.open("/prices")
        admin.sign_in()
        admin.sees_shell()
        expect(admin.page.get_by_text("Published prices as of")).to_be_visible()
        admin.button("Set price").click()
        admin.field("Model").fill("gpt-4o*")
        admin.field("Input").fill("-1")
        admin.field("Output").fill("9.000001")
        dialog = admin.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Set price").click()
        expect(admin.page.get_by_text("Enter a price such as 0.40, in dollars per million tokens.")).to_be_visible()
        admin.idle()
        admin.field("Input").fill("2.25")
        dialog.get_by_role("button", name="Set price").click()
        expect(admin.page.get_by_text("The price of gpt-4o* was set.")).to_be_visible()
        expect(admin.page.get_by_text("$2.25 in, $9.000001 out per million tokens")).to_be_visible()
        admin.idle()
        admin.button("End").click()
        dialog.get_by_role("button", name="End price").click()
        expect(admin.page.get_by_text("The price has ended.")).to_be_visible()
        expect(admin.page.get_by_text("Ended (1)")).to_be_visible()
        assert admin.violations() == []
