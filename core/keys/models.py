"""What a key looks like from outside: never its secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from core.llm.base import Endpoint
from core.llm.pricing import OwnPrice
from core.sharing.models import Access, Share
from core.usage.models import KeyUse

# So long before a key expires its owner is told, and last on the day itself.
REMINDERS = (14, 3, 0)
KeyState = Literal["disabled", "lost", "failing", "expired", "expiring", "preparing", "untested", "works"]
DependentKind = Literal["agent", "run", "mail"]

# What a key is for, and under which heading its kind is chosen.
Family = Literal["llm", "email", "service"]
Group = Literal["models", "local", "email", "services"]


@dataclass(frozen=True)
class Key:
    """A stored key. ``hint`` is the masked secret, such as ``sk-…a1b2``, or empty when there is none.

    ``is_pool`` says that it is the organisation's, which pays. ``expires_on`` is what its owner says: reminders go
    by it, the provider decides. Only its owner sees the hint; ``access`` is that of the person who asked for the
    key. ``is_lost`` says that its secret has to be entered again, for the master key ``sealed_with`` was lost.
    """

    id: str
    owner_id: str
    name: str
    provider: str
    base_url: str
    hint: str
    secret_version: int
    own_price: OwnPrice | None
    created_at: datetime
    tested_at: datetime | None
    test_code: str | None
    last_used_at: datetime | None
    is_pool: bool = False
    disabled_at: datetime | None = None
    expires_on: date | None = None
    sealed_with: int | None = field(default=None, compare=False)
    is_lost: bool = False
    family: Family = "llm"
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    access: Access = field(default_factory=Access, compare=False)


@dataclass(frozen=True)
class KeyDraft:
    """What a person enters for a new key. Prices are micro-dollars per million tokens.

    With ``pool`` it is one of the organisation's from the start.
    """

    name: str
    provider: str
    secret: str = ""
    base_url: str = ""
    input_price_micros_per_million: int | None = None
    output_price_micros_per_million: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    pool: bool = False

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"KeyDraft(name={self.name!r}, provider={self.provider!r})"


@dataclass(frozen=True)
class KeyChange:
    """What to change of a key; None leaves it as it is.

    ``settings`` are its kind's, all of them. ``expires_on`` None says that it does not expire.
    """

    name: str | None = None
    secret: str | None = field(default=None, repr=False)
    base_url: str | None = None
    settings: Mapping[str, str] | None = field(default=None, hash=False)
    disabled: bool | None = None
    pool: bool | None = None
    expires_on: date | Literal["keep"] | None = "keep"

    @property
    def moves(self) -> bool:
        """Whether the key is to lead elsewhere."""
        return self.base_url is not None or self.settings is not None

    @property
    def replaces_secret(self) -> bool:
        """Whether it takes a secret: a new one, or the same again for another address."""
        return self.secret is not None or self.moves

    @property
    def asks_care(self) -> bool:
        """Whether only who looks after the key may change this."""
        return self.disabled is not None or self.pool is not None or self.expires_on != "keep"

    @property
    def is_sensitive(self) -> bool:
        """Whether it asks for a recent proof."""
        return self.replaces_secret or self.disabled is not None or self.pool is not None


@dataclass(frozen=True)
class KeyTest:
    """The outcome of a test: ``code`` is ``ok``, ``preparing`` or one of the error codes.

    ``message`` says what was found and, when that is a failure, what to do next.
    """

    ok: bool
    code: str
    message: str
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenKey:
    """A key with its secret opened, for one node of a run, one mail or one test. Never stored or shown."""

    key: Key
    endpoint: Endpoint


@dataclass(frozen=True)
class Dependent:
    """Something that works with a key, and whose it is."""

    kind: DependentKind
    id: str
    name: str
    key_id: str
    owner_id: str
    owner_name: str = ""


@dataclass(frozen=True)
class KeyHealth:
    """How a key does, as far as somebody may know it.

    Who looks after it sees everything; others see their own calls and what is theirs among its ``dependents``.
    ``trouble`` says why it is ``failing``, ``usual_error`` what most failed calls ended with; both are empty where
    nothing is wrong. ``days_left`` is negative once it has expired. With ``is_metered`` its use is model calls.
    ``last_used_at`` looks back 30 days where only one's own calls are seen.
    """

    key: Key
    state: KeyState
    trouble: str
    usual_error: str
    days_left: int | None
    is_metered: bool
    is_looked_after: bool
    last_used_at: datetime | None
    use: KeyUse
    dependents: tuple[Dependent, ...] = ()
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True)
class KeyBreaks:
    """What a key's end would break: what works with it, runs that wait or work, and whom it is shared with."""

    dependents: tuple[Dependent, ...]
    runs: tuple[Dependent, ...]
    shares: tuple[Share, ...]

    @property
    def is_anything(self) -> bool:
        """Whether anything or anybody depends on the key."""
        return bool(self.dependents or self.runs or self.shares)


@dataclass(frozen=True)
class Reminder:
    """A key about whose end somebody is to be told now; ``days`` is the entry of ``REMINDERS`` that is due."""

    key_id: str
    name: str
    expires_on: date
    days: int
    recipients: tuple[str, ...]
