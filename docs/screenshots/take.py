"""``python -m docs.screenshots.take``: the README's screenshots, of the real app before a fake model server."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.conftest import ARGUMENTS
from tests.e2e.person import somebody
from tests.e2e.test_main_job import build_agent, run_agent
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

HERE = Path(__file__).parent
INPUT = "Invoice 2231 from Northwind: 12 chairs at 89.90 each, 19 % VAT. Which cost centre, and what is the total?"
ANSWER = (
    "**Cost centre 4210 (furniture)**\n\n- Net: 12 × 89.90 = **1,078.80**\n- VAT 19 %: **204.97**\n"
    "- Total: **1,283.77**\n\nThe amount is above 1,000, so it needs a second approval."
)


def main() -> None:
    """Fill an install with a month of work and photograph it."""
    folder = Path(tempfile.mkdtemp(prefix="zoark-shots-"))
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with FakeModelServer() as fake, sync_playwright() as playwright:
        settings = {"ZOARK_REGISTRATION": "open", "ZOARK_ENDPOINT_ALLOWLIST": f"127.0.0.1:{fake.port}"}
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        with AppServer(folder, **settings) as app, somebody(browser, app, color_scheme="light") as dana:
            _set_up(browser, app)
            dana.open()
            dana.register("Dana Winter", "dana@example.com", "a sentence that nobody guesses")
            dana.sees_shell()
            dana.go("Keys")
            dana.button("New key").click()
            dana.choose("Provider", "OpenAI-compatible endpoint")
            dana.field("Name").fill("Team server")
            dana.field("Address").fill(fake.openai_url)
            dana.field("Price of input").fill("0.40")
            dana.field("Price of output").fill("1.60")
            dana.button("Add key").click()
            expect(dana.page.get_by_text("Works").first).to_be_visible(timeout=20_000)
            fake.options.tool, fake.options.toolname = 1, "calculator"
            fake.options.args = '{"expression": "12 * 89.90 * 1.19"}'
            fake.options.text, fake.options.pt, fake.options.ct = ANSWER, 812, 96
            build_agent(dana, "llama-3.3-70b", "Calculator", "Invoice clerk")
            run_agent(dana, INPUT)
            expect(dana.page.get_by_text("Succeeded")).to_be_visible(timeout=60_000)
            dana.idle()
            dana.page.wait_for_timeout(500)
            dana.page.screenshot(path=HERE / "run.png")
            _pretend_a_month(folder / "zoark.db")
            dana.go("Usage")
            expect(dana.page.locator(".js-plotly-plot").first).to_be_visible(timeout=30_000)
            dana.idle()
            dana.page.wait_for_timeout(1500)
            dana.page.screenshot(path=HERE / "usage.png")
        browser.close()
    shutil.rmtree(folder, ignore_errors=True)


def _set_up(browser: Browser, app: AppServer) -> None:
    with somebody(browser, app, color_scheme="light") as admin:
        admin.sets_up = True
        admin.open()
        admin.sign_in()
        admin.field("Company name").fill("Northwind")
        admin.button("Save and continue").click()
        expect(admin.page.get_by_text("Which departments are there?")).to_be_visible()
        admin.idle()
        admin.button("Continue").click()
        expect(admin.page.get_by_text("How do people come in?")).to_be_visible()
        admin.idle()
        admin.button("Save and continue").click()
        expect(admin.page.get_by_text("Which model do agents use?")).to_be_visible()
        admin.idle()
        admin.page.wait_for_timeout(500)
        admin.page.screenshot(path=HERE / "setup.png")


def _pretend_a_month(database: Path) -> None:
    """Copy the two calls of the run over the last four weeks, under three models."""
    random.seed(7)
    now = datetime.now(UTC).replace(tzinfo=None)
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(model_calls)")]
        call = dict(zip(columns, connection.execute("SELECT * FROM model_calls").fetchone(), strict=True))
        for day in range(1, 28):
            if (now - timedelta(days=day)).weekday() >= 5:
                continue
            for model, factor in (("llama-3.3-70b", 3), ("qwen3-32b", 2), ("mistral-small", 1)):
                tokens = random.randint(20_000, 60_000) * factor
                call |= {"id": f"call_{day}_{model}", "model": model, "input_tokens": tokens}
                call |= {"output_tokens": tokens // 5, "cost_micros": int(tokens * 0.4 + tokens / 5 * 1.6)}
                call["started_at"] = (now - timedelta(days=day, hours=random.randint(0, 5))).isoformat(" ")
                marks = ", ".join("?" * len(columns))
                connection.execute(f"INSERT INTO model_calls VALUES ({marks})", [call[c] for c in columns])


if __name__ == "__main__":
    main()
