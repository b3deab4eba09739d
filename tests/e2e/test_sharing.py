"""Two people in their browsers: one shares an agent and lends it her key, the other runs it on that key."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.e2e.test_main_job import SECRET, add_compatible_key, build_agent, run_agent
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ALMA = ("Alma Support", "alma@example.com", "a sentence that nobody guesses")
BEN = ("Ben Sales", "ben@example.com", "another sentence nobody guesses")


def share_with(person: Person, whom: str, level: str) -> None:
    """Type into the list of the open dialog: an address of a colleague, or what the list offers."""
    dialog = person.page.get_by_role("dialog")
    box = dialog.get_by_role("combobox", name="With")
    box.click()
    box.press_sequentially(whom)
    box.press("Enter")
    person.choose("They", level)
    dialog.get_by_role("button", name="Share", exact=True).click()
    person.idle()


def test_ben_runs_almas_agent_on_the_key_she_lends_and_stops_when_she_takes_it_back(
    browser: Browser, server: AppServer, fake_models: FakeModelServer
) -> None:
    with somebody(browser, server) as alma, somebody(browser, server) as ben:
        ben.open()
        ben.register(*BEN)
        ben.sees_shell()
        alma.open()
        alma.register(*ALMA)
        alma.sees_shell()
        add_compatible_key(alma, fake_models)
        build_agent(alma, "fake-1", name="Ticket clerk")
        agent_path = alma.page.url.removeprefix(server.url)

        ben.open(agent_path)
        expect(ben.page.get_by_text("This agent does not exist, or it is not yours.")).to_be_visible()

        alma.button("Share").first.click()
        expect(alma.page.get_by_text("Private: nobody else has it.")).to_be_visible()
        share_with(alma, "nobody@example.com", "may run it")
        expect(alma.page.get_by_text("There is no such person, or they are suspended.")).to_be_visible()
        share_with(alma, "ben@example.com", "may run it")
        expect(alma.page.get_by_text("they cannot run it before you lend the key")).to_be_visible()
        alma.shot("share-agent")

        ben.open(agent_path)
        expect(ben.page.get_by_text("Ask Alma Support to lend it")).to_be_visible()
        expect(ben.button("Run")).to_be_disabled()

        alma.button("Lend my key to this agent").click()
        expect(alma.page.get_by_text("is lent to this agent")).to_be_visible()
        expect(alma.button("Take the key back")).to_be_visible()

        ben.go("Agents")
        expect(ben.page.get_by_text("Alma Support’s · ")).to_be_visible()
        ben.shot("agents-shared")
        ben.page.get_by_role("link", name="Ticket clerk").click()
        expect(ben.page.get_by_text("Alma Support shared it with you: you may run it.")).to_be_visible()
        ben.idle()
        run_agent(ben, "I was charged twice.")
        expect(ben.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
        ben.go("Usage")
        expect(ben.page.get_by_text("$0.000072").first).to_be_visible()
        ben.go("Keys")
        expect(ben.page.get_by_text("No keys yet")).to_be_visible()
        assert SECRET not in ben.page.content()

        alma.button("Take the key back").click()
        expect(alma.button("Lend my key to this agent")).to_be_visible()
        ben.open(agent_path)
        expect(ben.page.get_by_text("Ask Alma Support to lend it")).to_be_visible()

        alma.button("End").first.click()
        expect(alma.page.get_by_text("Private: nobody else has it.")).to_be_visible()
        ben.open(agent_path)
        expect(ben.page.get_by_text("This agent does not exist, or it is not yours.")).to_be_visible()
        assert alma.violations() == ben.violations() == []
