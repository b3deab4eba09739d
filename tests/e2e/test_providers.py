"""A provider with an address of its own, in a real browser: its dialog, its key, an agent on it, its cost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from core.bootstrap import build_core
from core.config import load_settings
from core.keys.models import KeyDraft
from core.llm.registry import provider_named
from tests.e2e.person import somebody
from tests.e2e.test_main_job import run_agent
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

SECRET = "sk-ant-canary-7f3a9b2c4d5e6f70"
MODEL = "claude-sonnet-4-5"


def store_key_at_the_fake(server: AppServer, fake: FakeModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store a key whose address is the fake's: no form lets a person change Anthropic's."""
    monkeypatch.setattr(type(provider_named("anthropic")), "default_base_url", fake.base_url)
    settings = load_settings(ZOARK_DATA_DIR=server.data_dir, ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake.port}")
    core = build_core(settings)
    admin = core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD)
    core.keys.add(admin, KeyDraft("Claude", "anthropic", SECRET))
    core.close()


def test_an_agent_runs_on_claude_and_its_published_price(
    browser: Browser, server: AppServer, fake_models: FakeModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_key_at_the_fake(server, fake_models, monkeypatch)
    fake_models.options.models = (MODEL, "claude-haiku-4-5")
    fake_models.options.tool = 1
    fake_models.valid_keys = {SECRET}
    with somebody(browser, server) as admin:
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        admin.go("Keys")
        admin.button("New key").click()
        admin.choose("Provider", "Anthropic")
        expect(admin.page.get_by_text(provider_named("anthropic").about)).to_be_visible()
        admin.page.get_by_role("button", name="Close").click()
        admin.button("Test").click()
        expect(admin.page.get_by_text("Anthropic accepts this key.")).to_be_visible()

        admin.go("Agents")
        admin.button("New agent").click()
        expect(admin.field("Goal")).to_be_visible()
        admin.idle()
        admin.choose("Key", "Claude")
        admin.choose("Model", MODEL)
        admin.button("Calculator").click()
        admin.button("Create agent").click()
        expect(admin.page.get_by_role("tab", name="Settings")).to_be_visible()
        admin.idle()
        run_agent(admin, "What is one and one?")
        expect(admin.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
        admin.idle()
        # Two calls of 90 tokens, 10 from the cache and 20 written: 573 micro-dollars each.
        expect(admin.page.get_by_text("$0.001146").first).to_be_visible()
        admin.shot("run-anthropic")
        assert SECRET not in admin.page.content()
        assert admin.violations() == []
    assert {record.key for record in fake_models.requests} == {SECRET}
    assert SECRET not in server.log.read_text()
