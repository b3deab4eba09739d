"""A message, its way through the outbox, and what an administrator sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import SecretStr

MailKind = Literal[
    "verification",
    "reset",
    "invitation",
    "password_changed",
    "new_device",
    "key_added",
    "passkey_added",
    "two_factor_reset",
    "digest",
]

# Good to know, but nobody waits for them: near the daily cap they are put together into one digest.
NOTICES: tuple[MailKind, ...] = ("password_changed", "new_device", "key_added", "passkey_added")

# queued → sending → sent, or failed, or unknown when the worker died while it sent. A notice near the cap is
# held → digested; void is written for an unknown address, so that it costs the same work as a known one.
MailState = Literal["queued", "sending", "sent", "failed", "unknown", "held", "digested", "void"]


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


@dataclass(frozen=True)
class Held:
    """A notice that waits for the digest."""

    id: str
    subject: str
    created_at: datetime


@dataclass(frozen=True)
class MailStatus:
    """How the mail goes: counts, and the daily cap if there is one. Times are UTC."""

    transport: str | None
    queued: int
    sent_today: int
    failed: int
    unknown: int
    daily_cap: int | None
    last_error: str | None
