"""A month's end: two departments' calls, an adjustment, the close, the file and the print."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core import clock, months
from core.bootstrap import Core, build_core
from core.config import load_settings
from tests.conftest import PASSWORD
from tests.e2e.person import Person, somebody
from tests.support.app_server import AppServer
from tests.support.booked_calls import Books
from tests.support.stopped_clock import StoppedClock

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def book_last_month(core: Core) -> None:
    """Two departments with awkward amounts, by two people."""
    root = core.accounts.create_user("root@example.com", "Root", PASSWORD, "admin")
    for name, slug, amounts in (("Alice", "hr", (1_004_999, 2_004_999)), ("Charlie", "sales", (3_005_001, 7))):
        user = core.accounts.create_user(f"{name.lower()}@example.com", name, PASSWORD, "member")
        core.people.set_department(root.proven(clock.now()), user.id, slug)
        books = Books(core, user, f"{name}'s clerk")
        for amount in amounts:
            books.call(slug, amount)


def press_in_dialog(person: Person, name: str) -> None:
    person.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()


def test_a_month_is_adjusted_closed_exported_and_printed(
    browser: Browser, server: AppServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    last = months.shifted(months.month_of(clock.now()), -1)
    core = build_core(load_settings(ZOARK_DATA_DIR=server.data_dir))
    with monkeypatch.context() as patch:
        StoppedClock(patch).moment = months.begin_of(last).replace(day=20)
        book_last_month(core)
    core.close()
    with somebody(browser, server) as root:
        root.open("/statement")
        root.sign_in("root@example.com", PASSWORD)
        root.sees_shell()
        root.open("/statement")
        expect(root.button("Close month")).to_be_visible()
        assert f"month={last}" in root.page.url
        expect(root.page.get_by_text("$6.02").first).to_be_visible()  # 6.015006, rounded

        root.page.get_by_role("tab", name="Adjustments").click()
        root.button("Add adjustment").click()
        root.choose("Department", "HR")
        root.field("Amount in dollars").fill("-0.50")
        root.page.get_by_label("Reason").fill("Credit for an outage")
        press_in_dialog(root, "Add adjustment")
        expect(root.page.get_by_text("The adjustment was added.")).to_be_visible()
        expect(root.page.get_by_text("$5.52").first).to_be_visible()
        root.idle()
        root.shot("statement")

        root.button("Close month").click()
        press_in_dialog(root, "Close month")
        expect(root.page.get_by_text("by Root")).to_be_visible()
        expect(root.button("Close month")).to_have_count(0)
        root.open(f"/statement?month={last}")
        expect(root.page.get_by_text("$5.52").first).to_be_visible()
        root.idle()
        with root.page.expect_download() as download:
            root.button("Export CSV").click()
        rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
        assert {row["state"] for row in rows} == {"closed"}
        assert sum(Decimal(row["dollars"] or 0) for row in rows) == Decimal("5.515006")
        shown = {row["department"]: Decimal(row["total_dollars"]) for row in rows if row["kind"] == "total"}
        assert shown == {"HR": Decimal("2.51"), "Sales": Decimal("3.01")}
        assert sum(shown.values()) == Decimal("5.52")

        root.page.goto(f"{server.url}/session/statement/{last}.html")
        expect(root.page.get_by_text("Credit for an outage")).to_be_visible()
        pdf = root.page.pdf(path=tmp_path / "statement.pdf", prefer_css_page_size=True)
        assert pdf.startswith(b"%PDF")
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 3  # the overview, and one a department
        root.page.emulate_media(media="print", color_scheme="dark")
        root.shot("statement_print")
        assert root.violations() == []
