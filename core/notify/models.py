"""A message, its way through the outbox, and what an administrator sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import SecretStr

MailKind = Literal[
    "verification",
    "reset",
    "invitation",
    "password_changed",
    "new_device",
    "key_added",
    "key_expires",
    "passkey_added",
    "token_added",
    "two_factor_reset",
    "budget_reached",
    "webhook_off",
    "approval_asked",
    "approval_reminder",
    "approval_ended",
    "stopped",
    "doubt",
    "tool",
    "digest",
    "test",
]

# How long the link in a mail works, and so how long the mail is worth sending. OWASP Forgot Password; ASVS 6.4.3.
WORTH_SENDING: dict[MailKind, timedelta] = {
    "verification": timedelta(days=7),
    "reset": timedelta(minutes=30),
    "invitation": timedelta(days=7),
}
# The body of a mail that failed is kept this long, so that an administrator can have it tried again.
BODY_KEPT = timedelta(days=7)

# Good to know, but nobody waits for them: near the daily cap they are put together into one digest.
NOTICES: tuple[MailKind, ...] = (
    "password_changed",
    "new_device",
    "key_added",
    "passkey_added",
    "token_added",
    "budget_reached",
)

# Programs write them, any number: near the cap they wait for the next day, so that people get theirs.
BULK: tuple[MailKind, ...] = ("tool",)

# queued → sending → sent, or failed, or unknown when the worker died while it sent. A notice near the cap is
# held → digested; void is written for an unknown address, so that it costs the same work as a known one.
MailState = Literal["queued", "sending", "sent", "failed", "unknown", "held", "digested", "void"]


# How an administrator looks at them.
MailGroup = Literal["waiting", "failed", "sent"]
GROUPS: dict[MailGroup, tuple[MailState, ...]] = {
    "waiting": ("queued", "sending", "held"),
    "failed": ("failed", "unknown"),
    "sent": ("sent",),
}


@dataclass(frozen=True)
class Message:
    """What to say. The body may have a link that is a secret; the subject never has one."""

    kind: MailKind
    subject: str
    body: SecretStr


@dataclass(frozen=True)
class Letter:
    """A message on its way, claimed by one worker."""

    id: str
    recipient: str
    subject: str
    body: SecretStr
    attempts: int
    created_at: datetime
    claimed_at: datetime


@dataclass(frozen=True)
class Waiting:
    """A row of the outbox that is due."""

    id: str
    kind: MailKind
    recipient: str
    subject: str
    body_sealed: bytes | None
    attempts: int
    created_at: datetime


@dataclass(frozen=True)
class Held:
    """A notice that waits for the digest."""

    id: str
    subject: str
    created_at: datetime


@dataclass(frozen=True)
class SentMail:
    """A mail as an administrator sees it: never what it says, for that may have a link which is a secret."""

    id: str
    kind: MailKind
    recipient: str
    subject: str
    state: MailState
    attempts: int
    error: str | None
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    can_be_retried: bool


@dataclass(frozen=True)
class MailKeyChoice:
    """Which key an administrator has chosen to send mail, and the version of its secret then."""

    key_id: str
    version: int


@dataclass(frozen=True)
class MailStatus:
    """How the mail goes: the way it takes, counts, and the daily cap if there is one. Times are UTC.

    ``way`` says where it is handed over, ``setting`` which setting says so, or ``key_name`` which key; none of them
    has a secret. ``problem`` says why the key cannot be used.
    """

    transport: str | None
    way: str
    setting: str
    sender: str
    queued: int
    sent_today: int
    failed: int
    unknown: int
    daily_cap: int | None
    last_error: str | None
    key_id: str | None = None
    key_name: str = ""
    problem: str | None = None
