"""Swagger UI and Redoc in a real browser: under our policy, and with the browser's own session."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import somebody
from tests.support.app_server import ADMIN_EMAIL, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_who_is_signed_in_reads_the_reference_and_tries_a_call_without_a_token(
    browser: Browser, server: AppServer
) -> None:
    with somebody(browser, server) as reader:
        reader.open()
        reader.sign_in()
        reader.sees_shell()
        reader.console.clear()
        page = reader.page

        reader.open("/api/v1/docs#/auth/me")
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.get_by_text(f'"email": "{ADMIN_EMAIL}"').first).to_be_visible()
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_text("bearer (http, Bearer)")).to_be_visible()
        reader.shot("api-docs")

        reader.open("/api/v1/redoc")
        # It draws operation after operation, for half a minute while two processes are busy beside it.
        expect(page.get_by_role("heading", name="Change Agent")).to_be_visible(timeout=180_000)
        page.get_by_placeholder("Search...").fill("agent")
        expect(page.get_by_role("menuitem").filter(has_text="Create Agent").first).to_be_visible()
        reader.shot("api-redoc")
        assert reader.console == []
