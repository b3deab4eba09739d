"""The main job in a real browser: sign in, store a key, build an agent, run it, watch it, see its cost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import Person, somebody
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

TICKET = "I was charged twice for my March invoice and need one of the payments back. Order 48213."
SECRET = "sk-canary-7f3a9b2c4d5e6f70"
DANA = ("Dana Support", "dana@example.com", "a sentence that nobody guesses")
CALCULATES = "fake-1@tool=1@toolname=calculator@gap=100@args=" + quote('{"expression": "2 * 21"}')


def add_compatible_key(
    person: Person, fake: FakeModelServer, prices: tuple[Decimal, Decimal] = (Decimal("0.40"), Decimal("1.60"))
) -> None:
    person.go("Keys")
    person.button("New key").click()
    person.choose_kind("OpenAI-compatible endpoint")
    person.field("Name").fill("Team server")
    person.page.get_by_role("textbox", name="Key (optional)").fill(SECRET)
    person.field("Address").fill(fake.openai_url)
    person.field("Price of input").fill(str(prices[0]))
    person.field("Price of output").fill(str(prices[1]))
    person.button("Add key").click()
    expect(person.page.get_by_text("Works").first).to_be_visible()
    person.idle()


def build_agent(person: Person, model: str, tool: str | None = None, name: str | None = None) -> None:
    person.go("Agents")
    person.button("New agent").click()
    expect(person.field("Goal")).to_be_visible()
    person.idle()
    person.choose("Key", "Team server")
    person.type_choice("Model", model)
    if tool:
        person.button(tool).click()
    if name:
        person.field("Name").fill(name)
    person.button("Create agent").click()
    expect(person.page.get_by_role("tab", name="Settings")).to_be_visible()
    person.idle()


def run_agent(person: Person, text: str) -> None:
    person.field("Input").fill(text)
    person.button("Run").click()
    expect(person.page.get_by_text("Model calls")).to_be_visible()


def test_a_second_person_registers_and_runs_an_agent_with_a_tool(
    browser: Browser, server: AppServer, fake_models: FakeModelServer
) -> None:
    with somebody(browser, server) as dana:
        dana.open()
        dana.register(*DANA)
        dana.sees_shell()
        expect(dana.page.get_by_text("Get started")).to_be_visible()
        add_compatible_key(dana, fake_models)
        build_agent(dana, CALCULATES, "Calculator")
        run_agent(dana, TICKET)
        expect(dana.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
        dana.idle()
        expect(dana.page.get_by_text("expression = 2 * 21")).to_be_visible()
        expect(dana.page.get_by_text("42", exact=True)).to_be_visible()
        expect(dana.page.get_by_text("$0.000144")).to_be_visible()
        dana.shot("run")
        run_path = dana.page.url.removeprefix(server.url)
        dana.go("Usage")
        expect(dana.page.locator(".js-plotly-plot").first).to_be_visible()
        expect(dana.page.get_by_text("$0.000144").first).to_be_visible()
        dana.idle()
        dana.shot("usage")
        assert SECRET not in dana.page.content()
        assert dana.violations() == []

        with somebody(browser, server) as dana_elsewhere:
            dana_elsewhere.open(run_path)  # a deep link survives signing in
            dana_elsewhere.sign_in(DANA[1], DANA[2])
            expect(dana_elsewhere.page.get_by_text("expression = 2 * 21")).to_be_visible()

        with somebody(browser, server) as admin:
            admin.open(run_path)
            admin.sign_in()
            expect(admin.page.get_by_text("This run does not exist, or it is not yours.")).to_be_visible()

        dana.sign_out()
        dana.open(run_path)
        expect(dana.page.get_by_label("E-mail")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sign_in_button_can_be_seen(scheme: str, browser: Browser, server: AppServer) -> None:
    with somebody(browser, server, color_scheme=scheme) as dana:
        dana.open()
        button = dana.button("Sign in").last
        expect(button).to_be_visible()
        dana.idle()
        dana.shot(f"sign-in-{scheme}")
        paint = button.evaluate("b => [getComputedStyle(b).backgroundColor, getComputedStyle(b).color]")
        assert paint[0] not in ("rgba(0, 0, 0, 0)", paint[1])


def test_a_wrong_password_is_refused_with_one_sentence(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as charlie:
        charlie.open()
        charlie.sign_in(password="not the password at all")
        expect(charlie.page.get_by_text("The e-mail address or the password is not right.")).to_be_visible()


def test_the_session_cookie_is_out_of_reach_of_scripts(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as admin:
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        cookies = {cookie["name"]: cookie for cookie in admin.page.context.cookies()}
        assert cookies["_streamlit_session"]["httpOnly"]
        assert cookies["_streamlit_session"]["sameSite"] == "Lax"
        assert "_streamlit_session" not in admin.page.evaluate("document.cookie")


def test_a_run_is_cancelled_while_the_model_thinks(
    browser: Browser, server: AppServer, fake_models: FakeModelServer
) -> None:
    with somebody(browser, server) as dana:
        dana.open()
        dana.sign_in(DANA[1], DANA[2])
        dana.sees_shell()
        build_agent(dana, "fake-1@fault=hang")
        run_agent(dana, "This one will be stopped.")
        expect(dana.page.get_by_text("thinking …")).to_be_visible(timeout=180_000)
        dana.button("Cancel run").click()
        expect(dana.page.get_by_text("This run was cancelled.")).to_be_visible()


def test_a_refused_key_is_explained_on_the_run_page(
    browser: Browser, server: AppServer, fake_models: FakeModelServer
) -> None:
    with somebody(browser, server) as dana:
        dana.open()
        dana.sign_in(DANA[1], DANA[2])
        dana.sees_shell()
        build_agent(dana, "fake-1@fault=401")
        run_agent(dana, TICKET)
        expect(dana.page.get_by_text("The provider does not accept this key.").first).to_be_visible(timeout=180_000)
        expect(dana.page.get_by_text("Failed").first).to_be_visible()
        assert SECRET not in Path(server.log).read_text()
