"""A workflow starts by the clock and by a signed message, in the real app with its real worker."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import Browser, expect
from pydantic import SecretStr

from core.webhooks.signing import headers
from tests.e2e.person import somebody
from tests.e2e.test_two_factor import in_the_database
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer
from tests.support.starts import GRAPH
from tests.support.worker import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def sources_of_what_succeeded(server: AppServer) -> int:
    with closing(sqlite3.connect(server.data_dir / "zoark.db", timeout=10)) as connection:
        query = "SELECT count(DISTINCT source_id) FROM firings WHERE status = 'succeeded'"
        return int(connection.execute(query).fetchone()[0])


def test_a_schedule_and_a_signed_message_start_runs(browser: Browser, server: AppServer) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=30) as api:
        login = api.post("/auth/login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}).json()
        api.headers["Authorization"] = f"Bearer {login['access_token']}"
        made = api.post("/workflows", json={"name": "Letters", "department": "hr", "graph": GRAPH}).json()
        api.post(f"/workflows/{made['id']}/publish", json={}).raise_for_status()
    with somebody(browser, server) as alice:
        page = alice.page
        alice.open(f"/workflow?id={made['id']}&view=Starts")
        alice.sign_in()
        alice.sees_shell()
        # A schedule, every minute.
        alice.button("New schedule").click()
        dialog = page.get_by_role("dialog")
        alice.field("Name").fill("Every minute")
        alice.choose("When", "My own")
        alice.field("Minute, hour, day, month, weekday").fill("* * * * *")
        alice.field("amount").fill("5,000")
        expect(dialog.get_by_text("Every minute. Next:")).to_be_visible()
        alice.shot("starts_schedule")
        dialog.get_by_role("button", name="Save schedule").click()
        expect(page.get_by_text("The schedule was made.")).to_be_visible()
        # A trigger; its secret is shown once.
        alice.idle()
        alice.button("New trigger").click()
        alice.field("Name").fill("Shop")
        page.get_by_role("dialog").get_by_role("button", name="Save trigger").click()
        secret = page.get_by_role("dialog").locator("code", has_text="whsec_")
        expect(secret).to_be_visible()
        alice.shot("starts_secret")
        body = json.dumps({"amount": 7, "note": "by message"}).encode()
        signed = headers("msg_1", int(time.time()), body, [SecretStr(secret.inner_text().strip())])
        path = page.get_by_role("dialog").locator("code", has_text="/api/v1/hooks/").inner_text().split()[1]
        page.keyboard.press("Escape")
        url, sent = server.url + path[path.index("/api") :], {**signed, "content-type": "application/json"}
        taken, again = (httpx.post(url, content=body, headers=sent, timeout=30) for _ in range(2))
        assert taken.status_code == 202, taken.text
        assert again.json()["run_id"] == taken.json()["run_id"]
        # Its minute comes, and both runs end.
        a_second_ago = datetime.now(UTC) - timedelta(seconds=1)
        in_the_database(server, "UPDATE schedules SET next_at = ?", f"{a_second_ago:%Y-%m-%d %H:%M:%S.%f}")
        wait_until(lambda: sources_of_what_succeeded(server) == 2, 180, "a run of the schedule and of the trigger")
        alice.open(f"/workflow?id={made['id']}&view=Starts")
        alice.sees_shell()
        last = page.get_by_text(re.compile(r"^Last \d+$"))
        expect(last).to_have_count(2)
        last.first.click()
        expect(page.get_by_text("Succeeded").first).to_be_visible()
        alice.button("Pause").first.click()
        expect(page.get_by_text("Paused")).to_be_visible()
        alice.shot("starts")
        assert alice.violations() == []
