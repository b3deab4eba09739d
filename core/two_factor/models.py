"""What a person sees of their second factor. What is shown once is left out of every ``repr``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class TwoFactorState:
    """Whether an app is set up, recovery codes left, how many passkeys, whether the organisation demands it."""

    enabled_at: datetime | None
    recovery_codes_left: int
    passkeys: int
    is_demanded: bool

    @property
    def is_enabled(self) -> bool:
        """Whether an authenticator app is set up."""
        return self.enabled_at is not None

    @property
    def is_met(self) -> bool:
        """Whether there is any second factor: an app or a passkey."""
        return self.is_enabled or self.passkeys > 0


@dataclass(frozen=True)
class SecondSteps:
    """With what a half sign-in can be finished."""

    has_app: bool
    has_passkey: bool


@dataclass(frozen=True)
class Enrolment:
    """A new seed, to be put into an authenticator app: as a QR code and to type. Draw it, never keep it."""

    qr_svg: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True)
class RecoveryCodes:
    """Fresh recovery codes such as ``abcd-efgh-jkmn-pqrs``. Draw them, never keep them."""

    codes: tuple[str, ...] = field(repr=False)
