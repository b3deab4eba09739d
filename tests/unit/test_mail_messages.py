"""Mails are short, plain and honest."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from core.notify import messages
from core.notify.models import NOTICES, Held, Message

AT = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)
LINK = "https://zoark.example.com/new-password?token=abc"
APPROVAL_LINK = "https://zoark.example.com/approval?id=approval_1"
ALL = {
    "verification": messages.verification(LINK),
    "reset": messages.reset(LINK),
    "invitation": messages.invitation(LINK, "Ada Admin"),
    "password_changed": messages.password_changed(AT),
    "new_device": messages.new_device(AT, "Firefox on Linux", "203.0.113.7"),
    "key_added": messages.key_added(AT, "My key"),
    "key_expires": messages.key_expires("My key", date(2026, 11, 27), 3, "https://zoark.example.com/key?id=key_1"),
    "budget_reached": messages.budget_reached("your monthly budget", 80, "$4.00", "$5.00"),
    "passkey_added": messages.passkey_added(AT, "My telephone"),
    "token_added": messages.token_added(AT, "Nightly report"),
    "webhook_off": messages.webhook_off("Alarms", "It is gone.", "https://zoark.example.com/webhook?id=webhook_1"),
    "approval_asked": messages.approval_asked("Pay 7?", "Ada", "Invoices", ["amount:\n    7"], AT, APPROVAL_LINK),
    "approval_reminder": messages.approval_asked("Pay 7?", "Ada", "Invoices", [], None, "", is_reminder=True),
    "approval_ended": messages.approval_ended("Approved: Pay 7?", "Bob approved this.", "Invoices", "", ""),
    "stopped": messages.stopped("schedule", "Daily", 3, "It was “Out of money”.", ""),
    "doubt": messages.doubt("Invoices", "https://zoark.example.com/run?id=run_1"),
    "digest": messages.digest([Held("mail_1", "Your password was changed", AT)]),
}


@pytest.mark.parametrize(("kind", "message"), ALL.items(), ids=list(ALL))
def test_a_mail_is_short_and_in_plain_words(kind: str, message: Message) -> None:
    body = message.body.get_secret_value()
    assert message.kind == kind
    assert "!" not in body + message.subject
    assert len(body.splitlines()) <= 12
    assert len(message.subject) <= 60
    assert body.endswith("-- \nZoark, the AI-agent desk of your company\n")
    assert "<" not in body


@pytest.mark.parametrize("kind", ["verification", "reset", "invitation"])
def test_a_link_stands_alone_on_its_line_and_nowhere_else(kind: str) -> None:
    message = ALL[kind]
    assert message.body.get_secret_value().splitlines().count(LINK) == 1
    assert "token" not in message.subject
    assert "token" not in repr(message)


def test_a_notice_has_no_link_and_says_what_to_do() -> None:
    for kind in NOTICES:
        body = ALL[kind].body.get_secret_value()
        assert "http" not in body
        assert ("on the page Budgets" if kind == "budget_reached" else "If it was not you") in body


def test_a_new_device_says_when_what_and_from_where() -> None:
    body = ALL["new_device"].body.get_secret_value()
    assert "2026-11-24 at 12:05 UTC from 203.0.113.7:\n\nFirefox on Linux\n" in body
    assert " from :" not in messages.new_device(AT, "", "").body.get_secret_value()


def test_a_digest_lists_what_happened() -> None:
    assert "- 2026-11-24 at 12:05 UTC: Your password was changed" in ALL["digest"].body.get_secret_value()


@pytest.mark.parametrize(
    ("left", "subject", "told"),
    [
        (14, "A key expires in 14 days", "expires in 14 days, on 2026-11-27."),
        (1, "A key expires tomorrow", "expires tomorrow, on 2026-11-27."),
        (0, "A key expires today", "expires today, on 2026-11-27."),
        (-2, "A key has expired", "expired on 2026-11-27."),
    ],
)
def test_a_reminder_says_when_a_key_expires(left: int, subject: str, told: str) -> None:
    message = messages.key_expires("My key", date(2026, 11, 27), left, "")
    assert message.subject == subject
    assert f"The key “My key” {told}" in message.body.get_secret_value()
