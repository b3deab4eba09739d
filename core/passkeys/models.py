"""Values of passkeys. A passkey here is a public key: it may be shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

MAX_PASSKEYS = 10
MAX_NAME = 60

Purpose = Literal["add", "sign_in", "second_step", "step_up"]


@dataclass(frozen=True)
class Site:
    """Where passkeys are good: the name they belong to (``rp_id``) and the exact origin of its pages."""

    rp_id: str
    origin: str


@dataclass(frozen=True)
class Passkey:
    """One of a person's passkeys; ``is_backed_up`` when their system keeps it on several devices."""

    id: str
    user_id: str
    name: str
    transports: tuple[str, ...]
    is_backed_up: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class StoredKey:
    """What is needed to check an answer of a passkey's device."""

    passkey: Passkey
    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True)
class Attestation:
    """What the browser brings back from making a passkey."""

    credential_id: bytes
    client_data: bytes = field(repr=False)
    attestation_object: bytes = field(repr=False)
    transports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assertion:
    """What the browser brings back from using a passkey."""

    credential_id: bytes
    client_data: bytes = field(repr=False)
    authenticator_data: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    user_handle: bytes | None = None


@dataclass(frozen=True)
class NewKey:
    """What an attestation proved."""

    credential_id: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    is_backed_up: bool


@dataclass(frozen=True)
class Use:
    """What an assertion proved."""

    sign_count: int
    is_backed_up: bool
