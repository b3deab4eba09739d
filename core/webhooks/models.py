"""A webhook, what it is told, and how each delivery goes. None of these values has a secret but ``NewWebhook``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import SecretStr

from core.accounts.capabilities import can
from core.accounts.models import User

Event = Literal["run.succeeded", "run.failed", "run.cancelled", "budget.warning", "budget.reached", "key.failing"]
EVENTS: tuple[Event, ...] = get_args(Event)
# What somebody sends by hand to see whether anything arrives; nobody has to choose it.
TEST = "webhook.test"

# Who turned it off: a person; a receiver that answered 410; days of failure; a lost master key.
Reason = Literal["person", "gone", "failing", "secret_lost"]
# queued → sending → delivered, or failed when it was tried for the last time.
DeliveryState = Literal["queued", "sending", "delivered", "failed"]

# A new secret and the one before both sign for so long, so that receivers can change theirs in peace.
OVERLAP = timedelta(hours=24)
# Deliveries stay in the log for so long.
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Delivery:
    """One message to one webhook; its ``id`` is the same in every attempt.

    What is said of the answer is said of the last attempt: ``response_status`` is None when there was none, and
    ``response_beginning`` has its first characters, without secrets. ``due_at`` is None when nothing more is tried.
    """

    id: str
    webhook_id: str
    event: str
    status: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    response_status: int | None
    response_beginning: str
    duration_ms: int | None
    error_code: str | None
    body: str = field(repr=False)


@dataclass(frozen=True)
class Webhook:
    """Where somebody wants to be told of something; ``last`` is the newest delivery.

    One of the organisation hears of everybody's runs; administrators look after it, and ``owner`` is who vouches
    for it. Until ``previous_until`` the secret before signs, too.
    """

    id: str
    owner_id: str
    owner_name: str
    is_organisation: bool
    name: str
    url: str
    events: tuple[Event, ...]
    disabled_at: datetime | None
    disabled_reason: Reason | None
    failing_since: datetime | None
    secret_changed_at: datetime
    previous_until: datetime | None
    created_at: datetime
    last: Delivery | None = None

    @property
    def is_active(self) -> bool:
        """Whether anything is sent."""
        return self.disabled_at is None


@dataclass(frozen=True)
class WebhookDraft:
    """What somebody enters for a new webhook."""

    name: str
    url: str
    events: tuple[str, ...]
    is_organisation: bool = False


@dataclass(frozen=True)
class WebhookChange:
    """What to change; None stays as it is."""

    name: str | None = None
    url: str | None = None
    events: tuple[str, ...] | None = None
    is_active: bool | None = None


@dataclass(frozen=True)
class NewWebhook:
    """A webhook with a secret that was just made: it is shown this once."""

    webhook: Webhook
    secret: SecretStr


@dataclass(frozen=True)
class DeliveryPage:
    """Deliveries, newest first; ``has_more`` says that there are older ones."""

    items: tuple[Delivery, ...]
    has_more: bool


@dataclass(frozen=True)
class Hearer:
    """A webhook that listens to an event, and whose it is, as they are now."""

    webhook_id: str
    owner: User
    is_organisation: bool

    @property
    def may_hear(self) -> bool:
        """Whether its owner may still have it: one of the organisation goes silent when its owner is demoted."""
        return not self.is_organisation or can(self.owner, "webhooks.manage")


@dataclass(frozen=True)
class Due:
    """A delivery whose time has come, with what it takes to send it; ``owner`` is None when they are suspended."""

    id: str
    webhook_id: str
    event: str
    body: str = field(repr=False)
    attempts: int
    url: str
    is_active: bool
    is_organisation: bool
    owner: User | None
    secret_sealed: bytes | None = field(repr=False)
    previous_sealed: bytes | None = field(repr=False)
    previous_until: datetime | None


@dataclass(frozen=True)
class Parcel:
    """A delivery that one worker has claimed, with the secrets that sign it."""

    id: str
    webhook_id: str
    url: str
    body: bytes = field(repr=False)
    secrets: tuple[SecretStr, ...]
    attempts: int
    claimed_at: datetime


@dataclass(frozen=True)
class Attempt:
    """How an attempt went: the status that was answered, or why there was no answer."""

    status: int | None
    beginning: str
    duration_ms: int
    error_code: str | None

    def stored(self) -> Mapping[str, Any]:
        """Return it as the log has it."""
        return {
            "response_status": self.status,
            "response_beginning": self.beginning,
            "duration_ms": self.duration_ms,
            "error_code": self.error_code,
        }
