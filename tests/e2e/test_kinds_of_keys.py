"""Five kinds of keys in a real browser: each is added, works, is broken on purpose, and says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.keys.registry import all_kinds
from tests.e2e.person import Person, somebody
from tests.support.app_server import AppServer
from tests.support.key_stage import SECRET, Stage, stage_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

KINDS = ("openai_compatible", "lm_studio", "smtp", "mailgun", "service_header")
WRONG = "zk0Wrong1kinds2Ww3m4Vb8tRp3Lk6Yd"


@pytest.fixture(scope="module")
def stages() -> Iterator[dict[str, Stage]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(stage_of(all_kinds()[name])) for name in KINDS}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, stages: dict[str, Stage]) -> Iterator[AppServer]:
    data_dir: Path = tmp_path_factory.mktemp("kinds")
    app = AppServer(data_dir, ZOARK_ENDPOINT_ALLOWLIST=",".join(stage.host for stage in stages.values()))
    app._settings["ZOARK_BASE_URL"] = app.url
    with app:
        yield app


def begin(person: Person, group: str, kind: str = "") -> None:
    """Open the dialog and choose a kind."""
    person.button("New key").first.click()
    person.idle()
    if group != "Models":
        person.page.get_by_role("dialog").get_by_text(group, exact=True).click()
        person.idle()
    labels = {"E-mail": "Service", "Services": "How it takes the secret", "Local servers": "Server"}
    if kind:
        person.choose(labels.get(group, "Provider"), kind)
        expect(person.page.get_by_role("dialog").get_by_role("textbox", name="Name").first).to_have_value(kind)
        person.idle()
        expect(person.page.get_by_role("dialog").get_by_role("textbox", name="Name", exact=True)).to_have_count(1)


def fill(person: Person, **fields: str) -> None:
    for label, text in fields.items():
        person.page.get_by_role("dialog").get_by_role("textbox", name=label.replace("_", " ")).fill(text)


def send(person: Person, button: str) -> None:
    person.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
    expect(person.page.get_by_role("dialog")).to_have_count(0)
    person.idle()


def says(person: Person, sentence: str) -> None:
    expect(person.page.get_by_role("main").get_by_text(sentence)).to_be_visible()


def test_five_kinds_of_keys_work_break_and_say_what_to_do(
    browser: Browser, server: AppServer, stages: dict[str, Stage]
) -> None:
    with somebody(browser, server) as admin:
        admin.open()
        admin.sign_in()
        admin.sees_shell()
        admin.go("Keys")

        # A wrong key first, then the right one.
        begin(admin, "Models", "OpenAI-compatible endpoint")
        fill(admin, Address=stages["openai_compatible"].base_url, **{"Key (optional)": WRONG})
        admin.shot("kinds-models")
        send(admin, "Add key")
        says(admin, "The provider does not accept this key. Copy the whole key again and choose Replace secret.")
        admin.shot("kinds-wrong-key")
        admin.button("Replace secret").click()
        fill(admin, **{"Key (optional)": SECRET})
        send(admin, "Replace and test")
        says(admin, "OpenAI-compatible endpoint accepts this key.")
        says(admin, "2 models: fake-1, fake-2")

        # An address where nobody listens, then the right one; the secret is asked for again.
        begin(admin, "Local servers", "LM Studio")
        admin.shot("kinds-local")
        fill(admin, Address="http://127.0.0.1:1/v1")
        admin.page.get_by_role("dialog").get_by_role("button", name="Add key").click()
        expect(admin.page.get_by_role("dialog").get_by_text("This address is not allowed:")).to_be_visible()
        expect(admin.page.get_by_role("dialog").get_by_text("ZOARK_ENDPOINT_ALLOWLIST").last).to_be_visible()
        fill(admin, Address=stages["lm_studio"].base_url + "/nowhere", **{"Key (optional)": SECRET})
        send(admin, "Add key")
        says(admin, "If the address is wrong, choose Change address.")
        admin.button("Change address").click()
        fill(admin, Address=stages["lm_studio"].base_url, **{"Key (optional)": SECRET})
        admin.shot("kinds-change-address")
        send(admin, "Change and test")
        says(admin, "LM Studio accepts this key.")

        begin(admin, "E-mail")
        where = stages["smtp"].settings
        fill(admin, Mail_server=where["host"], Port=where["port"], User_name="me", Password=WRONG)
        fill(admin, Sender="Zoark <zoark@example.com>")
        admin.choose("Encryption", "None, inside a trusted network")
        admin.shot("kinds-smtp")
        send(admin, "Add key")
        says(admin, "The mail server does not accept this user name and password.")
        admin.button("Replace secret").click()
        fill(admin, Password=SECRET)
        send(admin, "Replace and test")
        says(admin, "The mail server accepts user name and password.")

        begin(admin, "E-mail", "Mailgun")
        fill(admin, Address=stages["mailgun"].base_url, Sending_domain="other.example.com", Key=SECRET)
        send(admin, "Add key")
        says(admin, "Check the sending domain, and that the address is the one of your region")

        begin(admin, "Services", "Secret in a header")
        fill(admin, Allowed_hosts=f"http://{stages['service_header'].host}", Secret=SECRET, Test_address="/nowhere")
        admin.shot("kinds-service")
        assert stages["service_header"].api is not None
        stages["service_header"].api.always(404)
        send(admin, "Add key")
        says(admin, "Check the test address in the service's documentation, then Change address.")
        admin.shot("kinds-keys")
        assert SECRET not in admin.page.content()
        assert admin.violations() == []

        admin.go("E-mail")
        admin.choose("Send with", "SMTP")
        admin.button("Save").click()
        says(admin, "Sent with SMTP through")
        admin.shot("kinds-mail")
        admin.button("Send a test mail to me").click()
        says(admin, "The mail server took the test mail to")
    assert stages["smtp"].mailbox is not None
    assert [mail["From"] for mail in stages["smtp"].mailbox.mails] == ["Zoark <zoark@example.com>"]
    written = server.log.read_text()
    assert SECRET not in written
    assert WRONG not in written
