"""What a person sees of their second factor. What is shown once is left out of every ``repr``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class TwoFactorState:
    """Whether it is on, how many recovery codes are left, and whether the organisation wants it to be on."""

    enabled_at: datetime | None
    recovery_codes_left: int
    is_demanded: bool

    @property
    def is_enabled(self) -> bool:
        """Whether signing in asks for a code."""
        return self.enabled_at is not None


@dataclass(frozen=True)
class Enrolment:
    """A new seed, to be put into an authenticator app: as a QR code and to type. Draw it, never keep it."""

    qr_svg: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True)
class RecoveryCodes:
    """Fresh recovery codes such as ``abcd-efgh-jkmn-pqrs``. Draw them, never keep them."""

    codes: tuple[str, ...] = field(repr=False)
