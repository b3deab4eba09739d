"""Values of signing in at a provider. Tokens are opaque: their repr is masked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import SecretStr


@dataclass(frozen=True)
class Client:
    """How this installation is registered at a provider, and where that provider is."""

    id: str
    secret: SecretStr = field(repr=False)
    metadata_url: str = ""
    base_url: str = ""
    api_url: str = ""


@dataclass(frozen=True)
class Tokens:
    """What a provider hands out for one person."""

    access: SecretStr = field(repr=False)
    refresh: SecretStr | None = field(repr=False)
    expires_at: datetime | None
    scopes: tuple[str, ...]
    id_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Profile:
    """Who somebody is at a provider: ``(issuer, subject)``. The address is only what the provider says."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


@dataclass(frozen=True)
class Flow:
    """A sign-in that has begun, taken up again by its browser: the only use of it."""

    provider: str
    nonce: str
    verifier: SecretStr = field(repr=False)
    link_user_id: str | None
    next_path: str


@dataclass(frozen=True)
class Answer:
    """What the browser brings back from the provider."""

    code: str = field(repr=False)
    error: str
    issuer: str
    redirect_uri: str
    # The token of the invitation from whose page the sign-in began.
    invitation: str = field(default="", repr=False)


@dataclass(frozen=True)
class ProviderState:
    """Whether a provider can be used here, and which settings are missing for it."""

    name: str
    is_set_up: bool
    missing: tuple[str, ...]
    callback_path: str


@dataclass(frozen=True)
class Finding:
    """What one step of a provider's check found; a note is worth knowing and stops nothing."""

    what: str
    level: Literal["ok", "note", "problem"]
    sentence: str


@dataclass(frozen=True)
class Identity:
    """A person's connected account; it may be shown."""

    id: str
    user_id: str
    provider: str
    issuer: str
    subject: str
    email: str
    name: str
    scopes: tuple[str, ...]
    token_version: int
    token_expires_at: datetime | None
    linked_at: datetime
    last_used_at: datetime | None
