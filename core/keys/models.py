"""What a key looks like from outside: never its secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.llm.base import Endpoint
from core.llm.pricing import OwnPrice
from core.sharing.models import Access

# What a key is for, and under which heading its kind is chosen.
Family = Literal["llm", "email", "service"]
Group = Literal["models", "local", "email", "services"]


@dataclass(frozen=True)
class Key:
    """A stored key. ``hint`` is the masked secret, such as ``sk-…a1b2``, or empty when there is none.

    ``provider`` names its kind, ``settings`` is what that kind asks for besides secret and address, such as a
    header's name. ``is_pool`` says that it is the organisation's, which pays. Only its owner sees the hint;
    ``access`` is that of the person who asked for the key.
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
    family: Family = "llm"
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
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
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"KeyDraft(name={self.name!r}, provider={self.provider!r})"


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
