"""Without any key: the first administrator tries the built-in model, in a browser, from an empty install."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import LATER, somebody
from tests.support.app_server import AppServer
from tests.support.weights import fetched_weights

pytestmark = [pytest.mark.e2e, pytest.mark.local_model, pytest.mark.timeout(900)]

TICKET = "I was charged twice for my March invoice and need one of the payments back. Order 48213."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """An empty install that has the weights already."""
    weights = fetched_weights()
    with AppServer(tmp_path_factory.mktemp("app"), ZOARK_LOCAL_MODEL=str(weights)) as app:
        yield app


def test_the_first_admin_runs_the_sample_agent_on_the_built_in_model(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as admin:
        page = admin.page
        admin.open()
        expect(page.get_by_text("Ask an administrator for an invitation")).to_be_visible()
        admin.sign_in()
        admin.sets_up = True
        admin.sees_shell()
        admin.button(LATER).click()
        admin.button("Add a key").click()
        admin.page.get_by_role("dialog").get_by_text("Local servers", exact=True).click()
        admin.choose("Server", "Built-in demo model")
        expect(admin.button("Add key")).to_have_count(1)
        admin.button("Add key").click()
        expect(page.get_by_text("The built-in model is ready")).to_be_visible(timeout=120_000)
        admin.idle()
        admin.shot("keys")
        admin.go("Home")
        admin.button("Build an agent").click()
        expect(admin.field("Goal")).to_be_visible()
        admin.idle()
        admin.choose("Key", "Built-in demo model")
        expect(admin.field("Name")).to_have_value("Support ticket classifier")
        admin.button("Create agent").click()
        expect(page.get_by_role("tab", name="Settings")).to_be_visible()
        admin.field("Input").fill(TICKET)
        admin.button("Run").click()
        expect(page.get_by_text("Trace")).to_be_visible(timeout=180_000)
        expect(page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
        admin.idle()
        expect(page.get_by_text("qwen2.5-coder-0.5b-instruct").first).to_be_visible()
        answer = page.locator(".st-key-run_answer").inner_text()
        assert answer.strip()
        expect(page.get_by_text("$0", exact=True)).to_be_visible()
        admin.shot("local-run")
        admin.go("Home")
        expect(page.get_by_text("Recent runs")).to_be_visible()
        admin.shot("home")
        assert admin.violations() == []
        admin.sign_out()
    # The web process, its worker and the model server: all of them end with the first one.
    family = server.family()
    assert len(family) >= 3
    server.kill()
    for process in family[1:]:
        process.wait(20)
