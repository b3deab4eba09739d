"""``python -m docs.screenshots.take``: the README's screenshots, of the real app before a fake model server."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from core import clock, months
from core.accounts.models import User
from core.bootstrap import Core, build_core
from core.config import load_settings
from core.keys.models import Key, KeyDraft
from core.llm.pricing import Tokens
from core.shared_costs.models import SharedCost
from core.sharing.models import Grantee
from core.usage.models import CallOrigin
from tests.e2e.conftest import ARGUMENTS, EXPECT_MS
from tests.e2e.person import Person, somebody
from tests.e2e.test_main_job import build_agent, run_agent
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer
from tests.support.stub_queue import StubQueue, runs_with

HERE = Path(__file__).parent
PASSWORD = "a sentence that nobody guesses"
INPUT = "Invoice 2231 from Northwind: 12 chairs at 89.90 each, 19 % VAT. Which cost centre, and what is the total?"
ANSWER = (
    "**Cost centre 4210 (furniture)**\n\n- Net: 12 × 89.90 = **1,078.80**\n- VAT 19 %: **204.97**\n"
    "- Total: **1,283.77**\n\nThe amount is above 1,000, so it needs a second approval."
)
# Micro-dollars per million tokens, in and out.
PRICES = (2_500_000, 10_000_000)
MODELS = (("llama-3.3-70b", 3), ("qwen3-32b", 2), ("mistral-small", 1))
# Name, department, agent, and how much of what Dana uses.
PEOPLE = (
    ("Dana Winter", "finance", "Invoice clerk", 1.0),
    ("Ben Okafor", "sales", "Offer writer", 1.7),
    ("Mia Sommer", "support", "Ticket triage", 0.6),
)


def main() -> None:
    """Fill an install with two months of work and photograph it."""
    folder = Path(tempfile.mkdtemp(prefix="zoark-shots-"))
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    expect.set_options(timeout=EXPECT_MS)
    with FakeModelServer() as fake, sync_playwright() as playwright:
        allowed = f"127.0.0.1:{fake.port}"
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        with AppServer(folder, ZOARK_ENDPOINT_ALLOWLIST=allowed) as app:
            _set_up(browser, app)
            core = build_core(load_settings(ZOARK_DATA_DIR=folder, ZOARK_ENDPOINT_ALLOWLIST=allowed))
            admin = core.accounts.authenticate(ADMIN_EMAIL, ADMIN_PASSWORD).proven(clock.now())
            key = _pool_key(core, admin, fake)
            people = _people(core, admin)
            with somebody(browser, app, color_scheme="light") as dana:
                dana.open("/agents")
                dana.sign_in("dana.winter@example.com", PASSWORD)
                dana.sees_shell()
                _run(dana, fake)
                _pretend_two_months(core, people, key)
                _budgets_and_costs(core, admin, people)
                dana.go("Usage")
                expect(dana.page.locator(".js-plotly-plot").first).to_be_visible(timeout=30_000)
                _shot(dana, "usage")
            with somebody(browser, app, color_scheme="light") as root:
                root.open("/budgets")
                root.sign_in()
                root.sees_shell()
                root.go("Budgets")
                expect(root.page.get_by_text("% used").first).to_be_visible(timeout=30_000)
                _shot(root, "budgets")
                root.go("Statement")
                expect(root.button("Close month")).to_be_visible(timeout=30_000)
                _shot(root, "statement")
            core.close()
        browser.close()
    shutil.rmtree(folder, ignore_errors=True)


def _shot(person: Person, name: str) -> None:
    person.idle()
    person.page.wait_for_timeout(1500)
    person.page.screenshot(path=HERE / f"{name}.png")


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
        _shot(admin, "setup")


def _pool_key(core: Core, admin: User, fake: FakeModelServer) -> Key:
    """Give the departments one key of the organisation."""
    draft = KeyDraft(
        "Team server", "openai_compatible", "zk-Shown-nowhere-0123", fake.openai_url, *PRICES, pool=True
    )
    key = core.keys.add(admin, draft)
    core.keys.test(admin, key.id)
    for _, department, _, _ in PEOPLE:
        core.sharing.grant(admin, "key", key.id, Grantee("department", department), "run")
    return key


def _people(core: Core, admin: User) -> list[User]:
    found = []
    for name, department, _, _ in PEOPLE:
        made = core.accounts.create_user(f"{name.lower().replace(' ', '.')}@example.com", name, PASSWORD, "member")
        core.people.set_department(admin, made.id, department)
        found.append(replace(made, department=department))
    return found


def _run(dana: Person, fake: FakeModelServer) -> None:
    fake.options.tool, fake.options.toolname = 1, "calculator"
    fake.options.args = '{"expression": "12 * 89.90 * 1.19"}'
    fake.options.text, fake.options.pt, fake.options.ct = ANSWER, 812, 96
    build_agent(dana, "llama-3.3-70b", "Calculator", "Invoice clerk")
    run_agent(dana, INPUT)
    expect(dana.page.get_by_text("Succeeded")).to_be_visible(timeout=60_000)
    _shot(dana, "run")


def _pretend_two_months(core: Core, people: list[User], key: Key) -> None:
    """Book calls on every working day, as a worker would have."""
    dice = random.Random(7)
    now = clock.now()
    # Older calls would make the statement of an older month the next one to close.
    first = months.begin_of(months.shifted(months.month_of(now), -1))
    days = [now - timedelta(days=day) for day in range(1, (now - first).days)]
    for user, (_, department, name, share) in zip(people, PEOPLE, strict=True):
        fields = {"name": name, "department": department, "role": "r", "goal": "g", "model": MODELS[0][0]}
        agent = core.agents.create(user, {**fields, "key_id": key.id})
        run = runs_with(core, StubQueue()).start_agent_run(user, agent.id, INPUT)
        core.runs.cancel(user, run.id)
        origin = CallOrigin(
            run.id, "agent", agent.id, user.id, department, key.id, key.provider, MODELS[0][0], is_pool=True
        )
        for day in days:
            at = day - timedelta(hours=dice.randint(0, 5))
            for model, factor in MODELS if at.weekday() < 5 else ():
                tokens = int(dice.randint(20_000, 60_000) * factor * share)
                with _at(at):
                    used = Tokens(tokens, tokens // 5)
                    call_id = core.usage.open_call(replace(origin, model=model), used, key.own_price)
                    core.usage.settle(call_id, origin, used, dice.randint(900, 9000))


def _budgets_and_costs(core: Core, admin: User, people: list[User]) -> None:
    """Limit the month so that some of it is left, and share what the servers cost."""
    month = months.month_of(clock.now())
    spent = {
        sums.department: sums.total_micros
        for sums in core.statements.get(admin, month).departments
        if sums.department
    }
    for slug, used_percent in (("sales", 91), ("finance", 62), ("support", 34)):
        core.budgets.add(admin, "department", slug, "month", _round(spent[slug] * 100 // used_percent))
    core.budgets.add(admin, "organisation", "", "month", _round(sum(spent.values()) * 100 // 55))
    core.budgets.add(admin, "person", people[0].id, "month", _round(spent["finance"] * 2))
    last = months.shifted(month, -1)
    core.shared_costs.add(admin, SharedCost("", "Vector database", 25_000_000, last, None, None))
    core.statements.adjust(admin, last, "support", -2_500_000, "Credit for the outage of the 12th")


def _round(micros: int) -> int:
    return max(1, round(micros / 1_000_000)) * 1_000_000


@contextmanager
def _at(moment: datetime) -> Iterator[None]:
    real = clock.now
    clock.now = lambda: moment.astimezone(UTC)
    try:
        yield
    finally:
        clock.now = real


if __name__ == "__main__":
    main()
