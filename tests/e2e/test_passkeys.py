"""Passkeys in a real browser, whose virtual device makes real keys (Chrome DevTools Protocol, WebAuthn)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from tests.e2e.person import Person, somebody
from tests.e2e.test_two_factor import enrol, forget_used_codes, in_the_database
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import ADMIN_EMAIL, ADMIN_PASSWORD, AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PASSWORD = "many words that nobody strings together"
CANCELLED = "Nothing was confirmed: it was cancelled, or this device has no passkey for Zoark."


class Device:
    """A platform authenticator that always has somebody in front of it."""

    def __init__(self, person: Person) -> None:
        self._cdp: CDPSession = person.page.context.new_cdp_session(person.page)
        self._cdp.send("WebAuthn.enable")
        made = self._cdp.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id = made["authenticatorId"]

    @property
    def passkeys(self) -> list[dict[str, object]]:
        return list(self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"])

    def refuse(self, refuses: bool = True) -> None:
        """Have the person fail, or pass, their fingerprint check."""
        self._cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": not refuses})

    def forget(self) -> None:
        self._cdp.send("WebAuthn.clearCredentials", {"authenticatorId": self._id})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, fake_models: FakeModelServer) -> Iterator[AppServer]:
    """The app under its name: browsers offer no passkeys at 127.0.0.1."""
    data_dir: Path = tmp_path_factory.mktemp("app")
    app = AppServer(data_dir, ZOARK_REGISTRATION="open")
    app.url = f"http://localhost:{app.port}"
    with app:
        yield app


@contextmanager
def somebody_with_a_device(browser: Browser, server: AppServer) -> Iterator[tuple[Person, Device]]:
    with somebody(browser, server) as person:
        yield person, Device(person)


def register(person: Person, name: str, email: str) -> None:
    person.open()
    person.register(name, email, PASSWORD)
    person.sees_shell()


def add_passkey(person: Person) -> None:
    person.go("Security")
    person.button("Add a passkey").click()
    expect(person.page.get_by_role("heading", name="Add a passkey")).to_be_visible()
    person.button("Add a passkey").click()
    expect(person.page.get_by_text("The passkey was added.")).to_be_visible()
    person.idle()


def let_proofs_age(server: AppServer) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=11)
    in_the_database(server, "UPDATE sessions SET proved_at = ?", long_ago.strftime("%Y-%m-%d %H:%M:%S.%f"))


def test_frida_adds_a_passkey_and_signs_in_with_nothing_else(browser: Browser, server: AppServer) -> None:
    with somebody_with_a_device(browser, server) as (frida, device):
        register(frida, "Frida Key", "frida@example.com")
        add_passkey(frida)
        assert len(device.passkeys) == 1
        expect(frida.page.get_by_text("Chrome on Linux", exact=True)).to_be_visible()
        frida.shot("passkeys")
        frida.sign_out()

        frida.open("/runs?status=failed")
        frida.button("Sign in with a passkey").click()
        frida.sees_shell()
        assert frida.page.url.endswith("/runs?status=failed")
        assert frida.violations() == []

        frida.go("Security")
        frida.button("Rename").click()
        frida.field("Name").fill("My telephone")
        frida.button("Save").click()
        expect(frida.page.get_by_text("My telephone", exact=True)).to_be_visible()
        frida.idle()
        frida.button("Remove").click()
        frida.button("Remove passkey").click()
        expect(frida.page.get_by_text("The passkey was removed.")).to_be_visible()
        frida.sign_out()

        frida.button("Sign in with a passkey").click()
        expect(frida.page.get_by_text("This passkey is not known here")).to_be_visible()
        frida.page.get_by_role("link", name="Sign in another way").click()
        frida.sign_in("frida@example.com", PASSWORD)
        frida.sees_shell()


def test_gina_takes_it_as_her_second_step(browser: Browser, server: AppServer) -> None:
    with somebody_with_a_device(browser, server) as (gina, device):
        register(gina, "Gina Step", "gina@example.com")
        add_passkey(gina)
        gina.sign_out()
        gina.open("/keys")
        gina.sign_in("gina@example.com", PASSWORD)
        expect(gina.button("Use a passkey")).to_be_visible()
        expect(gina.field("Code")).not_to_be_visible()
        gina.button("Use a passkey").click()
        gina.sees_shell()
        assert gina.page.url.endswith("/keys")

        gina.go("Security")
        gina.button("Set up").click()
        gina.idle()
        totp, _ = enrol(gina)
        gina.sign_out()
        gina.sign_in("gina@example.com", PASSWORD)
        expect(gina.field("Code")).to_be_visible()
        gina.idle()
        device.refuse()
        gina.button("Use a passkey").click()
        expect(gina.page.get_by_text("Your password was right.")).to_be_visible()
        expect(gina.button("Use a passkey")).to_be_enabled()
        assert "#" not in gina.page.url
        # She takes the code instead, and the password is not asked for again.
        gina.page.get_by_role("link", name="Back").click()
        expect(gina.field("Code")).to_be_visible()
        assert "second_step" not in gina.page.url
        gina.idle()
        forget_used_codes(server)
        gina.field("Code").fill(totp.now())
        gina.button("Continue").click()
        gina.sees_shell()
        assert gina.violations() == []


def test_hanna_confirms_with_it_after_a_while(browser: Browser, server: AppServer) -> None:
    with somebody_with_a_device(browser, server) as (hanna, _):
        register(hanna, "Hanna Sure", "hanna@example.com")
        add_passkey(hanna)
        hanna.go("Keys")
        let_proofs_age(server)
        hanna.button("New key").first.click()
        expect(hanna.page.get_by_text("Please confirm that it is you.")).to_be_visible()
        hanna.idle()
        hanna.button("Use a passkey").click()
        expect(hanna.page.get_by_text("For ten minutes you will not be asked again.")).to_be_visible()
        assert hanna.page.url.endswith("/keys")
        hanna.idle()
        hanna.button("New key").first.click()
        expect(hanna.page.get_by_role("combobox", name="Provider")).to_be_visible()


def test_ines_cancels_and_is_told_what_to_do(browser: Browser, server: AppServer) -> None:
    with somebody_with_a_device(browser, server) as (ines, device):
        register(ines, "Ines Maybe", "ines@example.com")
        ines.go("Security")
        device.refuse()
        ines.button("Add a passkey").click()
        expect(ines.page.get_by_role("heading", name="Add a passkey")).to_be_visible()
        ines.button("Add a passkey").click()
        expect(ines.page.get_by_text("No passkey was made")).to_be_visible()
        ines.page.get_by_role("link", name="Back").click()
        ines.sees_shell()
        device.refuse(False)
        add_passkey(ines)
        ines.button("Add a passkey").click()
        expect(ines.page.get_by_role("heading", name="Add a passkey")).to_be_visible()
        ines.button("Add a passkey").click()
        expect(ines.page.get_by_text("This device has a passkey of your account already.")).to_be_visible()
        ines.page.get_by_role("link", name="Back").click()
        ines.sees_shell()
        ines.sign_out()

        device.refuse()
        ines.button("Sign in with a passkey").click()
        expect(ines.button("Use a passkey")).to_be_enabled()
        ines.button("Use a passkey").click()
        expect(ines.page.get_by_text(CANCELLED)).to_be_visible()
        device.refuse(False)
        ines.button("Use a passkey").click()
        ines.sees_shell()
        ines.sign_out()

        device.forget()
        ines.button("Sign in with a passkey").click()
        expect(ines.button("Use a passkey")).to_be_enabled()
        ines.button("Use a passkey").click()
        expect(ines.page.get_by_text(CANCELLED)).to_be_visible()
        assert ines.violations() == []


def test_a_browser_without_passkeys_says_so(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as jana:
        jana.open()
        expect(jana.button("Sign in with a passkey")).to_be_visible()
        jana.page.add_init_script("delete window.PublicKeyCredential")
        jana.button("Sign in with a passkey").click()
        expect(jana.page.get_by_text("This browser does not know passkeys.")).to_be_visible()
        expect(jana.button("Use a passkey")).not_to_be_visible()


def test_at_a_bare_address_the_page_says_where_to_go(browser: Browser, server: AppServer) -> None:
    with somebody(browser, server) as admin:
        bare = f"http://127.0.0.1:{server.port}"
        admin.page.goto(f"{bare}/security")
        expect(admin.page.get_by_label("E-mail")).to_be_visible()
        expect(admin.button("Sign in with a passkey")).not_to_be_visible()
        admin.sign_in()
        admin.sees_shell()
        expect(admin.page.get_by_text(f"Open Zoark at {server.url} instead.")).to_be_visible()
        expect(admin.button("Add a passkey")).not_to_be_visible()


def test_administrators_add_one_where_two_factors_are_demanded(browser: Browser, server: AppServer) -> None:
    with somebody_with_a_device(browser, server) as (admin, _):
        admin.open("/sign-in-settings")
        admin.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
        admin.sees_shell()
        admin.choose("Two-factor sign-in is demanded of", "Everybody")
        admin.button("Save").click()
        expect(admin.page.get_by_role("heading", name="Set up two-factor sign-in")).to_be_visible()
        admin.idle()
        admin.button("Add a passkey").click()
        expect(admin.page.get_by_role("heading", name="Add a passkey")).to_be_visible()
        admin.button("Add a passkey").click()
        expect(admin.page.get_by_role("heading", name="Sign-in settings")).to_be_visible()
        admin.idle()
        admin.go("Home")
        admin.sign_out()

    with somebody(browser, server) as kira:
        kira.open()
        kira.page.get_by_text("Create an account").first.click()
        kira.idle()
        kira.register("Kira Short", "kira@example.com", "8q-Zm_2p")
        expect(kira.page.get_by_role("heading", name="Set up two-factor sign-in")).to_be_visible()


def test_nothing_of_a_ceremony_is_in_the_log(server: AppServer) -> None:
    """The last one: it reads what the others have left."""
    log = server.log.read_text("utf-8", "replace")
    with sqlite3.connect(server.data_dir / "zoark.db", timeout=10) as connection:
        used = connection.execute("SELECT count(*) FROM passkey_challenges").fetchone()[0]
        audit = [row[0] for row in connection.execute("SELECT detail FROM audit_log")]
    connection.close()
    assert used > 0
    for word in ("challenge", "clientDataJSON", "authenticatorData", "_streamlit_xsrf", "_streamlit_session"):
        assert word not in log, word
        assert word not in "".join(audit), word
    assert not re.search(r"second_step=|#[\w-]{43}", log)
