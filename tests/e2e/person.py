"""What a person does in the browser, by labels and roles, never by CSS classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

LATER = "I will do this later"
SHOTS = Path(__file__).resolve().parents[2] / "test-results"


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, page: Page, server: AppServer) -> None:
        self.page = page
        self.server = server
        # The first administrator of a fresh installation is led to setting it up; most tests put that off.
        self.sets_up = False
        self.console: list[str] = []
        page.on("console", lambda m: self.console.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.console.append(str(e)))

    def idle(self) -> None:
        """Wait until no script runs: the app's root says so."""
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=90_000)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.server.url + path)

    def field(self, name: str) -> Locator:
        return self.page.get_by_role("textbox", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def choose(self, label: str, option: str) -> None:
        wanted = self.page.get_by_role("option", name=option).first
        for _ in range(5):
            self.idle()
            self.page.get_by_role("combobox", name=label).first.click()
            try:
                wanted.click(timeout=5_000)
                break
            except TimeoutError:  # a rerun closed the list again
                if self.page.get_by_role("listbox").count():  # else it would close the dialog
                    self.page.keyboard.press("Escape")
        else:
            raise AssertionError(f"{option} could not be chosen as {label}.")
        self.idle()

    def choose_kind(self, kind: str) -> None:
        """Choose a kind of key in the open dialog and wait for its own fields: the name is theirs, too."""
        self.choose("Provider", kind)
        expect(self.field("Name").last).to_have_value(kind)
        self.idle()
        expect(self.field("Name")).to_have_count(1)  # for a moment the form before is there too

    def type_choice(self, label: str, text: str) -> None:
        box = self.page.get_by_role("combobox", name=label).first
        box.click()
        box.press("Control+a")
        box.press_sequentially(text)
        box.press("Enter")
        self.idle()

    def go(self, link: str) -> None:
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=link).click()
        self.idle()

    def sign_in(self, email: str = ADMIN_EMAIL, password: str = ADMIN_PASSWORD) -> None:
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.button("Sign in").last.click()

    def sees_shell(self) -> None:
        expect(self.button("Sign out")).to_be_visible()
        self.idle()
        if not self.sets_up and self.button(LATER).is_visible():
            self.button(LATER).click()
            expect(self.button(LATER)).to_have_count(0)
            self.idle()

    def sign_out(self) -> None:
        self.button("Sign out").click()
        expect(self.page.get_by_label("E-mail")).to_be_visible()

    def register(self, name: str, email: str, password: str) -> None:
        self.page.get_by_text("Create an account").first.click()
        first, last = name.split(" ")
        self.field("First name").fill(first)
        self.field("Last name").fill(last)
        self.field("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_label("Repeat password", exact=True).fill(password)
        self.button("Create account").click()

    def shot(self, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def violations(self) -> list[str]:
        """Return what the browser blocked by the content security policy."""
        return [text for text in self.console if "Content Security Policy" in text]


@contextmanager
def somebody(browser: Browser, server: AppServer, **context: object) -> Iterator[Person]:
    """Give a person a fresh browser profile."""
    chosen = {"viewport": {"width": 1280, "height": 860}, **context}
    profile = browser.new_context(**chosen)  # type: ignore[arg-type]
    profile.set_default_timeout(60_000)
    try:
        yield Person(profile.new_page(), server)
    finally:
        profile.close()
