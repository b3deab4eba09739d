"""A month of two departments: on the organisation's keys, up to a budget, past a new master key, to the cent.

The same month is counted three times: by the fake model server, in the books, and on the statement that is shown.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core import clock, months
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.keys.models import Key, KeyDraft
from core.sharing.models import Grantee
from tests.conftest import PASSWORD
from tests.e2e.person import Person, somebody
from tests.e2e.test_main_job import SECRET, add_compatible_key, build_agent, run_agent
from tests.e2e.test_sharing import share_with
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer
from tests.support.mailbox import Mailbox, smtp_server
from tests.support.stopped_clock import let_it_end
from tests.support.worker import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SAM, FAY = "sam@example.com", "fay@example.com"
FINANCE_SECRET = "zk9Finance3walkW2m4Vb8tRp3Lk6Yd1"
# Dollars per million tokens, in and out: neither a call nor a sum of calls is a whole number of cents.
PRICES = {"sales": (Decimal(40), Decimal(160)), "finance": (Decimal("37.013"), Decimal(151))}
SALES_MODEL = "fake-sales@pt=2003@ct=507"  # $0.16124 a call
FINANCE_MODEL = "fake-finance@pt=1117@ct=313"
# After two calls 82 % of it is used, and a third one can cost more than what is left.
SALES_BUDGET = "0.39"


@dataclass(frozen=True)
class House:
    """The app, its mail, and its database seen from beside."""

    server: AppServer
    mailbox: Mailbox
    core: Core
    admin: User

    def mails(self, recipient: str, words: str) -> list[str]:
        """Return the mails to somebody with these words in the subject."""
        return [
            str(mail.get_content())
            for mail in self.mailbox.mails
            if mail["To"] == recipient and words in str(mail["Subject"])
        ]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, fake_models: FakeModelServer) -> Iterator[House]:
    """Sam manages Sales, Fay is in Finance, which has its key and its budget already."""
    data_dir: Path = tmp_path_factory.mktemp("departments")
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        allowed = f"127.0.0.1:{fake_models.port}"
        server = AppServer(
            data_dir,
            ZOARK_ENDPOINT_ALLOWLIST=allowed,
            ZOARK_WORKER_IDLE_SECONDS="600",
            ZOARK_MAIL_FROM="Zoark <zoark@example.com>",
            SMTP_URL=f"smtp://127.0.0.1:{port}?tls=off",
        )
        server._settings["ZOARK_BASE_URL"] = server.url  # its port is known only now
        with server:
            core = build_core(load_settings(ZOARK_DATA_DIR=data_dir, ZOARK_ENDPOINT_ALLOWLIST=allowed))
            admin = core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD).proven(clock.now())
            for name, email, role, slug in (("Sam", SAM, "manager", "sales"), ("Fay", FAY, "member", "finance")):
                user = core.accounts.create_user(email, name, PASSWORD, role)
                core.people.set_department(admin, user.id, slug)
            yield House(server, mailbox, core, admin)
            core.close()


def finance_is_set_up(house: House, fake: FakeModelServer) -> str:
    """Give Finance a key of the pool and a budget, and Fay an agent; return the page of the agent."""
    core, admin = house.core, house.admin
    prices = (int(price * 1_000_000) for price in PRICES["finance"])
    draft = KeyDraft("Finance server", "openai_compatible", FINANCE_SECRET, fake.openai_url, *prices, pool=True)
    key: Key = core.keys.add(admin, draft)
    core.sharing.grant(admin, "key", key.id, Grantee("department", "finance"), "run")
    core.budgets.add(admin, "department", "finance", "month", 350_000)
    fay = next(person for person in core.people.list(admin) if person.email == FAY)
    owner = core.accounts.user(fay.id)
    assert owner is not None
    fields = {"name": "Auditor", "department": "finance", "role": "r", "goal": "g", "model": FINANCE_MODEL}
    return f"/agent?id={core.agents.create(owner, {**fields, 'key_id': key.id}).id}"


def sales_is_set_up(admin: Person, fake: FakeModelServer) -> None:
    """The same for Sales, on the pages."""
    add_compatible_key(admin, fake, prices=PRICES["sales"])
    admin.page.get_by_role("link", name="Team server").click()
    admin.button("Share").click()
    expect(admin.page.get_by_text("Key of the organisation’s pool")).to_be_visible()
    admin.idle()
    admin.page.get_by_role("dialog").get_by_text("Key of the organisation’s pool").click()
    expect(admin.page.get_by_text("on the organisation’s bill")).to_be_visible()
    share_with(admin, "Sales", "may run on it")
    admin.shot("share-pool")
    admin.open("/budgets")
    expect(admin.page.get_by_text("No budgets yet")).to_be_visible()
    admin.idle()
    admin.shot("budgets-empty")
    admin.button("New budget").click()
    admin.choose("For", "A department")
    admin.choose("Which", "Sales")
    admin.field("At most").fill("a lot")
    admin.button("Set budget").click()
    expect(admin.page.get_by_text("Enter an amount such as 12.50, in dollars.")).to_be_visible()
    admin.shot("budgets-new")
    admin.field("At most").fill(SALES_BUDGET)
    admin.button("Set budget").click()
    expect(admin.page.get_by_text("The budget of Sales was set.")).to_be_visible()


def rotate(admin: Person) -> None:
    """Press the button of the page Master key and wait until everything is sealed with the new one."""
    admin.go("Master key")
    admin.button("Rotate").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Rotate", exact=True).click()
    expect(admin.page.get_by_text("Last rotated")).to_be_visible(timeout=180_000)
    expect(admin.page.get_by_text("Key 2", exact=True).first).to_be_visible()
    expect(admin.page.get_by_text("0 secrets · Only backups from before the rotation need it.")).to_be_visible()
    admin.idle()
    admin.shot("master-key-rotated")


def micros_billed(fake: FakeModelServer, secret: str, prices: tuple[Decimal, Decimal]) -> int:
    """Return what the model server has billed to a key, by its own count; calls are rounded one by one."""
    billed = [record for record in fake.chats if record.key == secret and record.outcome == "answered"]
    return sum(round(record.tokens_in * prices[0] + record.tokens_out * prices[1]) for record in billed)


def cents_shown(person: Person) -> dict[str, dict[str, int]]:
    """Return the table of the Overview as it is shown: cents by department and column."""
    grid = person.page.get_by_test_id("data-grid-canvas").first
    expect(grid.locator("tbody tr")).to_have_count(3)
    heading = [cell.strip() for cell in grid.locator("thead th").all_text_contents()]
    found = {}
    for row in grid.locator("tbody tr").all():
        name, *amounts = [cell.strip() for cell in row.locator("td").all_text_contents()]
        found[name] = {
            column: int(amount.replace("$", "").replace(".", ""))
            for column, amount in zip(heading[1:], amounts, strict=True)
        }
    return found


def test_two_departments_run_until_a_budget_holds_and_the_statement_adds_up_to_the_cent(
    browser: Browser, house: House, fake_models: FakeModelServer
) -> None:
    server, core = house.server, house.core
    let_it_end(months.end_of(months.month_of(clock.now())))
    with (
        somebody(browser, server) as admin,
        somebody(browser, server) as sam,
        somebody(browser, server) as fay,
    ):
        admin.open("/keys")
        admin.sign_in()
        admin.sees_shell()
        sales_is_set_up(admin, fake_models)
        auditor = finance_is_set_up(house, fake_models)

        # Two calls of Sales: the mail and Home say that it is nearly over.
        sam.open("/agents")
        sam.sign_in(SAM, PASSWORD)
        sam.sees_shell()
        build_agent(sam, SALES_MODEL, name="Offer writer")
        writer = sam.page.url.removeprefix(server.url)
        expect(sam.page.get_by_text("First call: up to")).to_be_visible()
        sam.shot("run-form")
        for _ in range(2):
            run_agent(sam, "Write an offer.")
            expect(sam.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
            sam.open(writer)
        expect(sam.page.get_by_text("by its last 2 runs")).to_be_visible()
        warned = "80 % of the monthly budget of Sales is used"
        for manager in (SAM, ADMIN_EMAIL):
            wait_until(lambda of=manager: house.mails(of, warned), 60, f"the warning of {manager}")
        assert "$0.32248 of $0.39" in house.mails(SAM, warned)[0]
        sam.go("Home")
        expect(sam.page.get_by_text("The budget of Sales")).to_be_visible()
        sam.go("Budgets")
        expect(sam.page.get_by_text("82 % used")).to_be_visible()
        sam.shot("budgets-manager")

        # A call of Finance is on its way while everything is sealed anew.
        fake_models.options.hold = "fake-finance"
        fay.open(auditor)
        fay.sign_in(FAY, PASSWORD)
        fay.sees_shell()
        run_agent(fay, "Check the books.")
        fake_models.wait_until(lambda records: any("fake-finance" in record.model for record in records), 60)
        rotate(admin)
        (held,) = (record for record in fake_models.chats if record.key == FINANCE_SECRET)
        assert held.outcome == "pending"
        fake_models.options.hold = ""
        expect(fay.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
        fay.open(auditor)
        run_agent(fay, "Check them again.")
        expect(fay.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)

        # A third call of Sales could cost more than what is left.
        sent = len(fake_models.chats)
        sam.open(writer)
        run_agent(sam, "Write another offer.")
        expect(sam.page.get_by_text("your department's monthly budget of $0.39").first).to_be_visible(
            timeout=60_000
        )
        expect(sam.page.get_by_text("budget_exceeded").first).to_be_visible()
        sam.shot("run-over-budget")
        assert len(fake_models.chats) == sent

        # What is shown, what is in the books and what the model server counted are the same.
        micros = {
            "Sales": micros_billed(fake_models, SECRET, PRICES["sales"]),
            "Finance": micros_billed(fake_models, FINANCE_SECRET, PRICES["finance"]),
        }
        month = months.month_of(clock.now())
        statement = core.statements.get(house.admin, month)
        assert {sums.name: sums.pool_micros for sums in statement.departments if not sums.is_empty} == micros
        totals = core.usage.totals(house.admin, months.begin_of(month), clock.now() + timedelta(1), "everybody")
        assert (totals.calls, totals.cost_micros) == (4, sum(micros.values()))
        admin.open(f"/statement?month={month}")
        expect(admin.page.get_by_text("Open: the amounts still move")).to_be_visible()
        admin.idle()
        shown = cents_shown(admin)
        whole = shown.pop("All")
        assert set(shown) == {"Sales", "Finance"}
        assert all(abs(shown[name]["Total"] - micros[name] / 10_000) < 1 for name in micros)
        assert all(sum(of[column] for of in shown.values()) == whole[column] for column in whole)
        assert whole["Total"] == whole["Pool"] == round(sum(micros.values()) / 10_000)
        dollars = f"${whole['Total'] // 100}.{whole['Total'] % 100:02}"
        assert admin.page.get_by_test_id("stMetricValue").all_text_contents() == [
            dollars,
            dollars,
            dollars,
            "$0.00",
        ]
        admin.shot("statement-two-departments")
        with admin.page.expect_download() as download:
            admin.button("Export CSV").click()
        rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
        assert sum(Decimal(row["dollars"] or 0) for row in rows) * 1_000_000 == sum(micros.values())

        # The limit is lowered to what is spent: nothing goes any more, and Home says so.
        admin.go("Budgets")
        admin.page.get_by_role("button", name="Change").last.click()
        admin.field("At most").fill("0.32")
        admin.button("Save").click()
        expect(admin.page.get_by_text("Used up")).to_be_visible()
        admin.idle()
        admin.shot("budgets-admin")
        sam.go("Home")
        expect(sam.page.get_by_text("Nothing more is sent to models on it.")).to_be_visible()
        sam.idle()
        sam.shot("home-over-budget")
        for person in (admin, sam, fay):
            assert SECRET not in person.page.content()
            assert FINANCE_SECRET not in person.page.content()
            assert person.violations() == []
