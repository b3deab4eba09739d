"""E-mail: an administrator sees how mail goes, tests it, and has failed mails sent again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.bootstrap import Core
from core.notify import messages
from core.notify.failures import MailDelayed, MailRefused, MailSetUpWrong, MailUnsure
from core.notify.models import Message
from tests.pages.conftest import Visit
from tests.support.mailbox import MAIL_SETTINGS, MemoryTransport
from tests.support.stopped_clock import ShiftedClock

Visitor = Callable[..., Visit]
LINK = "https://zoark.example.com/verify?token=SECRET-TOKEN"


@pytest.fixture
def mail_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {"SMTP_URL": "smtp://user:pa55-for-mail@127.0.0.1:9?tls=off"}
    for name, value in {**MAIL_SETTINGS, **secret}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def post(mail_settings: None, page_core: Core) -> MemoryTransport:
    page_core.mail.transport = MemoryTransport()
    return page_core.mail.transport


def put(core: Core, message: Message | None = None, recipient: str = "dora@example.com") -> str:
    with core.db.transaction() as connection:
        mail_id = core.mail.put(connection, recipient, message or messages.verification(LINK))
    assert mail_id
    return mail_id


def deliver(core: Core) -> None:
    while core.outbox.deliver_next():
        pass


def test_the_way_is_said_without_a_secret(mail_settings: None, visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.MAIL)
    assert "`127.0.0.1:9, no encryption`" in page.text
    assert "`Zoark <zoark@example.com>`" in page.text
    assert any("`SMTP_URL`" in caption for caption in page.captions)
    assert "pa55" not in page.text
    assert "user:" not in page.text


def test_without_mail_every_way_is_explained(visit: Visitor, root: User) -> None:
    page = visit(root).open(navigation.MAIL)
    assert page.app.info[0].value.startswith("E-mail is not set up.")
    shown = "\n".join(code.value for code in page.app.code)
    for setting in ("SMTP_URL=", "SENDGRID_API_KEY=", "MAILGUN_API_KEY=", "MAILGUN_DOMAIN=", "ZOARK_MAIL_FROM="):
        assert setting in shown
    assert shown.count("ZOARK_BASE_URL=") == 3
    assert "mail_test" not in [button.key for button in page.app.button]


def test_a_test_mail_is_followed_until_it_is_sent(
    post: MemoryTransport, visit: Visitor, page_core: Core, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    ShiftedClock.noon(monkeypatch)
    page = visit(root).open(navigation.MAIL).press("mail_test")
    assert "is on its way" in page.app.info[0].value
    assert page.metrics["Waiting"] == "1"
    deliver(page_core)
    page.rerun()
    assert [success.value for success in page.app.success] == [
        "The mail server took the test mail to `root@example.com`. Look into your mailbox."
    ]
    assert page.metrics["Sent today (UTC)"] == "1"
    assert post.sent[0].recipient == "root@example.com"


def test_a_test_mail_that_cannot_be_sent_says_why(
    post: MemoryTransport, visit: Visitor, page_core: Core, root: User
) -> None:
    page = visit(root).open(navigation.MAIL).press("mail_test")
    post.fail_with = [MailSetUpWrong(answer="the key is not accepted (401).")]
    deliver(page_core)
    page.rerun()
    sentence = "The mail settings do not work: the key is not accepted (401). It is tried again every 15 minutes"
    assert page.errors[0].startswith(f"The test mail was not sent. {sentence}")
    assert page.app.warning[0].value.startswith(sentence)
    page.press("mail_try_now")
    assert page.toasts == ["1 mail(s) are tried now."]
    deliver(page_core)
    assert page.rerun().errors == []
    assert len(post.sent) == 1


def test_a_failed_mail_is_sent_again(post: MemoryTransport, visit: Visitor, page_core: Core, root: User) -> None:
    mail_id = put(page_core)
    post.fail_with = [MailRefused(answer="550 no such user")]
    deliver(page_core)
    page = visit(root).open(navigation.MAIL)
    assert page.metrics["Failed"] == "1"
    assert "The mail server refused this message: 550 no such user" in page.text
    assert "SECRET-TOKEN" not in page.text
    page.press(f"mail_retry_{mail_id}")
    assert page.toasts == ["The mail is on its way again."]
    deliver(page_core)
    assert [mail.id for mail in post.sent] == [mail_id]


def test_the_three_lists_show_their_own(post: MemoryTransport, visit: Visitor, page_core: Core, root: User) -> None:
    for recipient in ("sent@example.com", "failed@example.com", "unsure@example.com", "waits@example.com"):
        put(page_core, recipient=recipient)
        post.fail_with = {
            "failed@example.com": [MailRefused(answer="550 no")],
            "unsure@example.com": [MailUnsure(answer="silence")],
            "waits@example.com": [MailDelayed(answer="421 busy")],
        }.get(recipient, [])
        deliver(page_core)
    page = visit(root).open(navigation.MAIL)
    wanted = {"waiting": ["waits@"], "failed": ["failed@", "unsure@"], "sent": ["sent@"]}
    for group, shown in wanted.items():
        page.fill(mail_group=group).rerun()
        text = " ".join(page.captions)
        assert [name for name in ("waits@", "failed@", "unsure@", "sent@") if name in text] == shown, group
    assert [b.key for b in page.app.button if (b.key or "").startswith("mail_retry")] == []


def test_the_daily_cap_is_said(post: MemoryTransport, visit: Visitor, page_core: Core, root: User) -> None:
    page_core.mail.daily_cap = 100
    assert visit(root).open(navigation.MAIL).metrics["Sent today (UTC)"] == "0 of 100"


def test_an_eleventh_test_mail_in_an_hour_gets_one_sentence(
    post: MemoryTransport, visit: Visitor, page_core: Core, root: User
) -> None:
    for _ in range(10):
        page_core.mail.send_test(root)
    page = visit(root).open(navigation.MAIL).press("mail_test")
    assert page.errors[0].startswith("Too many tries. Please wait")


def test_charlie_is_refused(post: MemoryTransport, visit: Visitor, charlie: User) -> None:
    page = visit(charlie).open(navigation.MAIL)
    assert page.errors == ["You are not allowed to do this. Ask an administrator for the right."]
    assert page.buttons == ["Sign out"]
