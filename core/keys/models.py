"""What a key looks like from outside: never its secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from core.llm.base import Endpoint
from core.llm.pricing import OwnPrice
from core.sharing.models import Access


@dataclass(frozen=True)
class Key:
    """A stored key. ``hint`` is the masked secret, such as ``sk-…a1b2``, or empty when there is none.

    ``is_pool`` says that it is the organisation's, which pays. Only its owner sees the hint; ``access`` is that of
    the person who asked for the key. ``is_lost`` says that its secret has to be entered again, for the master key
    ``sealed_with`` was lost.
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
    sealed_with: int | None = field(default=None, compare=False)
    is_lost: bool = False
    access: Access = field(default_factory=Access, compare=False)


@dataclass(frozen=True)
class KeyDraft:
    """What a person enters for a new key. Prices are micro-dollars per million tokens."""

    name: str
    provider: str
    secret: str = ""
    base_url: str = ""
    input_price_micros_per_million: int | None = None
    output_price_micros_per_million: int | None = None

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"KeyDraft(name={self.name!r}, provider={self.provider!r})"


@dataclass(frozen=True)
class KeyTest:
    """The outcome of a test: ``code`` is ``ok``, ``preparing`` or one of the error codes."""

    ok: bool
    code: str
    message: str


@dataclass(frozen=True)
class OpenKey:
    """A key with its secret opened, for one node of a run. Never stored or shown."""

    key: Key
    endpoint: Endpoint
