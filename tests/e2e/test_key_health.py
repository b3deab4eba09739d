"""A key in the browser: how it does after a run, disabled and enabled again, and what its end would break."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import somebody
from tests.e2e.test_main_job import SECRET, add_compatible_key, build_agent, run_agent
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

KIM = ("Kim Keeper", "kim@example.com", "a sentence that nobody guesses")
DISABLED = "This runs on a key of Kim Keeper that is disabled."


def test_kim_sees_what_her_key_did_stops_it_and_is_told_what_its_end_breaks(
    browser: Browser, server: AppServer, fake_models: FakeModelServer
) -> None:
    with somebody(browser, server) as kim:
        page = kim.page
        kim.open()
        kim.register(*KIM)
        kim.sees_shell()
        add_compatible_key(kim, fake_models)
        build_agent(kim, "fake-1", name="Ticket clerk")
        agent_path = page.url.removeprefix(server.url)
        run_agent(kim, "I was charged twice.")
        expect(page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)

        kim.go("Keys")
        expect(page.get_by_text(re.compile(r"Used (just now|\d min ago)"))).to_be_visible()
        page.get_by_role("link", name="Team server").click()
        expect(page.get_by_text("Spend, 7 days")).to_be_visible()
        expect(page.get_by_text("$0.000072").first).to_be_visible()
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        expect(page.get_by_role("link", name="Ticket clerk")).to_be_visible()
        kim.idle()
        kim.shot("key-health")
        key_path = page.url.removeprefix(server.url)

        other_tab = page.context.new_page()
        other_tab.goto(server.url + agent_path)
        other_tab.get_by_role("textbox", name="Input").fill("And now?")
        kim.button("Disable").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("Ticket clerk (yours)")).to_be_visible()
        dialog.get_by_role("button", name="Disable key").click()
        expect(page.get_by_text("nothing runs on it until it is enabled again")).to_be_visible()
        other_tab.get_by_role("button", name="Run", exact=True).click()
        expect(other_tab.get_by_text(DISABLED).first).to_be_visible()
        other_tab.close()

        kim.button("Enable").click()
        expect(kim.button("Test")).to_be_visible()
        kim.open(agent_path)
        expect(kim.button("Run")).to_be_enabled()
        expect(page.get_by_text(DISABLED)).to_have_count(0)

        kim.open(key_path)
        kim.button("Delete").click()
        expect(dialog.get_by_text("Used by 1 agent.")).to_be_visible()
        expect(dialog.get_by_text("Ticket clerk (yours)")).to_be_visible()
        kim.idle()
        kim.shot("key-delete")
        dialog.get_by_role("textbox").fill("Team server")
        dialog.get_by_role("textbox").press("Enter")
        kim.idle()
        dialog.get_by_role("button", name="Delete key").click()
        expect(page.get_by_text("No keys yet")).to_be_visible()
        kim.open(agent_path)
        told = page.get_by_text("The key of this agent was deleted. Choose another key")
        expect(told).to_be_visible()
        assert SECRET not in page.content()
        assert kim.violations() == []
