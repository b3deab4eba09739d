"""Sales runs on the organisation's key until its budget warns, and then until it holds."""

from __future__ import annotations

import sqlite3

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.e2e.test_main_job import SECRET, add_compatible_key, build_agent, run_agent
from tests.e2e.test_sharing import share_with
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SAM = ("Sam Sales", "sam@example.com", "a sentence that nobody guesses")
# At $0.40 and $1.60 per million tokens each call is billed at $0.0016.
MODEL = "fake-1@pt=2000@ct=500"


def set_budget(person: Person, dollars: str) -> None:
    """Set a monthly budget of Sales in the open dialog."""
    person.choose("For", "A department")
    person.choose("Which", "Sales")
    person.field("At most").fill(dollars)
    person.button("Set budget").click()


def test_sales_runs_on_the_pool_until_its_budget_holds(
    browser: Browser, server: AppServer, fake_models: FakeModelServer
) -> None:
    with somebody(browser, server) as admin, somebody(browser, server) as sam:
        sam.open()
        sam.register(*SAM)
        sam.sees_shell()
        with sqlite3.connect(server.data_dir / "zoark.db", timeout=10) as connection:
            connection.execute("UPDATE users SET department = 'sales' WHERE email = ?", (SAM[1],))
        connection.close()

        admin.open("/keys")
        admin.sign_in()
        admin.sees_shell()
        add_compatible_key(admin, fake_models)
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
        set_budget(admin, "a lot")
        expect(admin.page.get_by_text("Enter an amount such as 12.50, in dollars.")).to_be_visible()
        admin.shot("budgets-new")
        admin.field("At most").fill("0.0045")
        admin.button("Set budget").click()
        expect(admin.page.get_by_text("The budget of Sales was set.")).to_be_visible()

        sam.open("/agent")
        build_agent(sam, MODEL, name="Offer writer")
        agent_path = sam.page.url.removeprefix(server.url)
        expect(sam.page.get_by_text("First call: up to")).to_be_visible()
        sam.shot("run-form")
        for _ in range(2):
            run_agent(sam, "Write an offer.")
            expect(sam.page.get_by_text("Succeeded")).to_be_visible(timeout=60_000)
            sam.open(agent_path)
        expect(sam.page.get_by_text("by its last 2 runs")).to_be_visible()
        sam.go("Budgets")
        expect(sam.page.get_by_text("71 % used")).to_be_visible()
        sam.shot("budgets-member")
        sam.open(agent_path)
        run_agent(sam, "Write another offer.")
        expect(sam.page.get_by_text("your department's monthly budget of $0.0045").first).to_be_visible(
            timeout=60_000
        )
        expect(sam.page.get_by_text("budget_exceeded").first).to_be_visible()
        sam.shot("run-over-budget")

        admin.go("Budgets")
        admin.button("Change").click()
        admin.field("At most").fill("0.0032")
        admin.button("Save").click()
        expect(admin.page.get_by_text("Used up")).to_be_visible()
        admin.idle()
        admin.shot("budgets-admin")
        sam.go("Home")
        expect(sam.page.get_by_text("Nothing more is sent to models on it.")).to_be_visible()
        sam.idle()
        sam.shot("home-over-budget")
        assert SECRET not in sam.page.content()
        assert admin.violations() == sam.violations() == []
